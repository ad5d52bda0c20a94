
"use strict";
// All text of the store gets into the page by `textContent`, never as markup; the page's policy refuses anything else.
(() => {
  const SHOWN_VERSIONS = 50;
  const SPARK_POINTS = 30;
  const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];
  const SHARED = ["author", "branch", "commits", "description", "message", "owner", "repository", "tool"];
  const {assets, texts} = JSON.parse(document.getElementById("data").textContent);
  for (const one of assets.flatMap((asset) => asset.versions)) {
    for (const name of SHARED) if (name in one) one[name] = texts[one[name]];
  }
  const at = (id) => document.getElementById(id);
  const list = at("list"), search = at("search"), detail = at("detail"), sort = at("sort");
  const rows = Array.from(list.children, (item, index) => {
    const asset = assets[index], versions = asset.versions;
    const newest = versions.find((one) => one.version === asset.latest) || {};
    return {item, link: item.firstElementChild, asset, versions, newest, order: index, words: null};
  });
  const byName = new Map(rows.map((row) => [row.asset.name, row]));

  // -- building

  function element(name, traits, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(traits || {})) made.setAttribute(key, value);
    made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return made;
  }

  function drawn(name, traits, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(traits)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function bytes(count) {
    if (count < 1000) return `${count} B`;
    let value = count / 1000, power = 1;
    while (value >= 999.95 && power < UNITS.length - 1) { value /= 1000; power += 1; }
    return `${value.toFixed(1)} ${UNITS[power]}`;
  }

  const some = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

  function linked(address, text) {
    // Checked where the page was written; a second look costs nothing.
    if (!/^https?:\/\//.test(address || "")) return element("span", {}, text);
    return element("a", {href: address, rel: "noopener noreferrer"}, text);
  }

  // -- charts

  function steps(points, height) {
    return points.map(([x, y], n) => (n ? `H${x} V${height - y}` : `M${x} ${height - y}`)).join(" ");
  }

  function spark(row) {
    const sizes = row.versions.filter((one) => one.size !== undefined).slice(0, SPARK_POINTS).map((one) => one.size).reverse();
    if (!sizes.length) return null;
    const most = Math.max(...sizes, 1), wide = 80, high = 20;
    const points = sizes.map((size, n) => [sizes.length > 1 ? 2 + n * wide / (sizes.length - 1) : 42, 2 + size / most * high]);
    const last = points[points.length - 1];
    const line = points.map(([x, y], n) => `${n ? "L" : "M"}${x.toFixed(1)} ${(24 - y).toFixed(1)}`).join(" ");
    return drawn("svg", {viewBox: "0 0 84 24", "aria-hidden": "true"},
      drawn("path", {class: "line", d: line}), drawn("circle", {class: "dot", cx: last[0], cy: 24 - last[1], r: 2.2}));
  }

  const moment = (version) => (/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(version.at) ? Date.parse(`${version.at.replace(" ", "T")}Z`) : NaN);

  function growth() {
    const made = rows.flatMap((row) => row.versions).filter((one) => one.size !== undefined && !Number.isNaN(moment(one)))
      .map((one) => [moment(one), one.size]).sort((a, b) => a[0] - b[0]);
    if (made.length < 2) return;
    const first = made[0][0], span = made[made.length - 1][0] - first || 1, all = made.reduce((sum, one) => sum + one[1], 0) || 1;
    const columns = new Map();
    let sum = 0;
    for (const [when, size] of made) columns.set(Math.round((when - first) / span * 500), sum += size);
    const line = steps([[0, 0], ...Array.from(columns, ([x, total]) => [x, total / all * 56])], 60);
    const label = `From ${day(first)} to ${day(first + span)}: ${bytes(sum)}`;
    at("growth").append(drawn("svg", {viewBox: "0 0 500 60", preserveAspectRatio: "none", role: "img", "aria-label": label},
      drawn("path", {class: "area", d: `${line} V60 H0 Z`}), drawn("path", {class: "line", d: line})));
    at("growth").firstElementChild.textContent = `Stored, ${day(first)} to ${day(first + span)}`;
    at("growth").hidden = false;
  }

  const day = (when) => new Date(when).toISOString().slice(0, 10);

  function chart(versions) {
    const known = versions.filter((one) => one.size !== undefined && !Number.isNaN(moment(one))).sort((a, b) => moment(a) - moment(b));
    if (!known.length) return null;
    const most = Math.max(...known.map((one) => one.size), 1), left = 64, right = 556, floor = 108, top = 12;
    const first = moment(known[0]), span = moment(known[known.length - 1]) - first;
    const x = (one) => (span ? left + (moment(one) - first) / span * (right - left) : (left + right) / 2);
    const y = (one) => floor - one.size / most * (floor - top);
    const points = known.map((one) => `${x(one).toFixed(1)} ${y(one).toFixed(1)}`);
    const picture = drawn("svg", {viewBox: "0 0 570 132", role: "img", "aria-label": `Size of ${some(known.length, "version")}, up to ${bytes(most)}`});
    for (const [height, text] of [[floor, "0 B"], [(floor + top) / 2, bytes(most / 2)], [top, bytes(most)]]) {
      picture.append(drawn("line", {class: "grid", x1: left - 6, x2: right + 8, y1: height, y2: height}),
        drawn("text", {x: left - 12, y: height + 4, "text-anchor": "end"}, text));
    }
    picture.append(drawn("text", {x: left - 6, y: 128}, day(first)));
    if (span) picture.append(drawn("text", {x: right + 8, y: 128, "text-anchor": "end"}, day(first + span)));
    picture.append(drawn("path", {class: "area", d: `M${x(known[0])} ${floor} L${points.join(" L")} V${floor} Z`}),
      drawn("path", {class: "line", d: `M${points.join(" L")}`}));
    for (const one of known) {
      picture.append(drawn("circle", {class: one.yanked ? "dot yanked" : "dot", cx: x(one), cy: y(one), r: known.length > 60 ? 1.6 : 3},
        drawn("title", {}, `${one.version}: ${bytes(one.size)}, ${one.at}`)));
    }
    return element("figure", {class: "chart"}, element("figcaption", {}, "Size of each version"), picture);
  }

  // -- one asset

  function shown(name) {
    const row = byName.get(name);
    for (const one of list.querySelectorAll("[aria-current]")) one.removeAttribute("aria-current");
    document.body.classList.toggle("open", Boolean(row));
    detail.hidden = !row;
    if (!row) return;
    row.link.setAttribute("aria-current", "true");
    detail.replaceChildren(...parts(row).filter(Boolean));
    detail.scrollTop = 0;
    row.item.scrollIntoView({block: "nearest"});
    if (matchMedia("(max-width: 860px)").matches) detail.focus();
  }

  function parts(row) {
    const {asset, versions, newest} = row;
    const close = element("button", {type: "button", "aria-keyshortcuts": "Escape"}, "Close");
    close.addEventListener("click", closed);
    const labels = [
      ...Object.entries(asset.aliases || {}).map(([alias, version]) => element("i", {class: "alias"}, `${alias} → ${version}`)),
      asset.locked && element("i", {class: "locked"}, `locked ${asset.locked}`),
      newest.owner && element("i", {}, `owner ${newest.owner}`),
      ...(newest.tags || []).map((tag) => element("i", {}, tag)),
    ].filter(Boolean);
    return [
      element("div", {class: "bar"}, element("h2", {}, asset.name), close),
      newest.description && element("p", {class: "about"}, newest.description),
      labels.length && element("div", {class: "labels"}, ...labels),
      asset.problem && element("p", {class: "problem"}, asset.problem),
      asset.ignored && element("p", {class: "about"}, `Ignored, of another versioning system: ${asset.ignored.join(", ")}`),
      chart(versions),
      versions.length && element("h3", {}, some(versions.length, "version")),
      history(asset, versions),
    ];
  }

  function history(asset, versions) {
    const all = element("ol", {class: "history"});
    const more = (start) => {
      versions.slice(start, start + SHOWN_VERSIONS).forEach((one, n) => all.append(entry(asset, one, versions[start + n + 1])));
      const rest = versions.length - start - SHOWN_VERSIONS;
      if (rest <= 0) return;
      const button = element("button", {type: "button"}, `Show ${Math.min(rest, SHOWN_VERSIONS)} older`);
      const place = element("li", {}, element("span", {}), button);
      button.addEventListener("click", () => { place.remove(); more(start + SHOWN_VERSIONS); });
      all.append(place);
    };
    more(0);
    return all;
  }

  function entry(asset, one, before) {
    return element("li", one.yanked ? {class: "yanked"} : {},
      element("span", {class: "version"}, one.version),
      element("div", {},
        element("div", {class: "facts"}, one.at && element("span", {}, one.at), one.size !== undefined && element("span", {}, bytes(one.size)),
          change(one, before), one.files !== undefined && element("span", {class: "soft"}, some(one.files, "file")), copier(asset, one)),
        one.yanked && element("p", {class: "problem"}, `Yanked: ${one.yanked}`),
        one.error && element("p", {class: "problem"}, one.error),
        one.message && element("p", {class: "message"}, one.message),
        origin(one)));
  }

  function change(one, before) {
    if (!before || one.size === undefined || before.size === undefined) return null;
    const more = one.size - before.size;
    if (!more) return element("span", {class: "soft"}, one.digest === before.digest ? "same content" : "same size");
    return element("span", {class: more > 0 ? "up" : "down"}, `${more > 0 ? "+" : "−"}${bytes(Math.abs(more))}`);
  }

  function origin(one) {
    const from = one.commit && element("span", {}, linked(one.commits && one.commits + one.commit, one.commit.slice(0, 10)), one.branch ? ` on ${one.branch}` : "",
      one.dirty ? ", with changes" : "");
    const run = one.run_page ? linked(one.run_page, "CI run") : one.run_url;
    const facts = [one.author, from, one.repository && one.repository.replace(/^https?:\/\//, ""), run, one.tool];
    const known = facts.filter(Boolean).map((fact) => element("span", {}, fact));
    return element("div", {class: "origin"}, ...(known.length ? known : ["origin not recorded"]));
  }

  function copier(asset, one) {
    const spec = `${asset.name}:${one.version}`;
    if (!navigator.clipboard || one.error || one.yanked || !/^[\w./:-]+$/.test(spec)) return null;
    const button = element("button", {type: "button", class: "copy", title: `assetsync fetch ${spec}`}, "Copy fetch");
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(`assetsync fetch ${spec}`);
      button.textContent = "Copied";
    });
    return button;
  }

  // -- search, order, place

  function words(row) {
    if (row.words === null) {
      const texts = [row.asset.name, ...Object.keys(row.asset.aliases || {})];
      for (const one of row.versions) {
        texts.push(one.version, one.author, one.message, one.commit, one.branch, one.owner, one.description, one.digest, ...(one.tags || []));
      }
      row.words = Array.from(new Set(texts.filter(Boolean))).join("\n").toLowerCase();
    }
    return row.words;
  }

  function marked(row, wanted) {
    const name = row.asset.name, bold = row.link.querySelector("b"), place = wanted ? name.toLowerCase().indexOf(wanted) : -1;
    if (place < 0) {
      if (bold.firstElementChild) bold.textContent = name;
      return;
    }
    const end = place + wanted.length;
    bold.replaceChildren(name.slice(0, place), element("mark", {}, name.slice(place, end)), name.slice(end));
  }

  function filtered() {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const fits = wanted.every((word) => words(row).includes(word));
      row.item.hidden = !fits;
      count += fits;
      if (fits) marked(row, wanted[0]);
    }
    at("none").hidden = count > 0;
    at("count").textContent = wanted.length ? `${count.toLocaleString("en")} of ${some(rows.length, "asset")}` : some(rows.length, "asset");
  }

  const ORDERS = {
    name: (a, b) => a.order - b.order,
    newest: (a, b) => (b.newest.at || "").localeCompare(a.newest.at || "") || a.order - b.order,
    largest: (a, b) => (b.newest.size || 0) - (a.newest.size || 0) || a.order - b.order,
    versions: (a, b) => b.versions.length - a.versions.length || a.order - b.order,
  };

  function sorted() {
    list.append(...rows.slice().sort(ORDERS[sort.value] || ORDERS.name).map((row) => row.item));
  }

  function place() {
    try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; }
  }

  function closed() {
    const current = list.querySelector("[aria-current]");
    window.history.replaceState(null, "", location.pathname + location.search);
    shown("");
    if (current) current.focus();
  }

  function moved(event) {
    const links = rows.length && Array.from(list.querySelectorAll("li:not([hidden]) > a"));
    const here = links ? links.indexOf(document.activeElement) : -1;
    const to = {ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: links.length - 1}[event.key];
    if (to === undefined || (here < 0 && !(document.activeElement === search && event.key === "ArrowDown"))) return;
    event.preventDefault();
    (links[to] || (to < 0 ? search : links[here])).focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape" && !detail.hidden && document.activeElement !== search) {
      closed();
    } else if (event.key === "Escape" && search.value) {
      search.value = "";
      filtered();
    } else {
      moved(event);
    }
  });

  // -- light and dark

  function themed() {
    const dark = matchMedia("(prefers-color-scheme: dark)"), root = document.documentElement, button = at("theme");
    const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
    const told = () => { button.textContent = isDark() ? "Light" : "Dark"; };
    button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; told(); });
    dark.addEventListener("change", told);
    button.hidden = false;
    told();
  }

  search.addEventListener("input", filtered);
  sort.addEventListener("change", sorted);
  window.addEventListener("hashchange", () => shown(place()));
  at("tools").hidden = false;
  themed();
  growth();
  for (const row of rows) {
    const picture = spark(row);
    if (picture) row.link.querySelector(".spark").append(picture);
  }
  filtered();
  shown(place());
})();
