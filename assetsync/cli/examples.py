"""Examples of every command, for its help page: what for, and the line to type."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "assetsync": (
        ("begin in a repo", "assetsync init --store s3://my-bucket/modelkit-assets"),
        ("every day: look, then do it", "assetsync plan && assetsync apply"),
        ("after `git clone` or `git pull`", "assetsync sync"),
    ),
    "status": (
        ("what is here, what is locked, what the store has", "assetsync status"),
        ("without asking the store", "assetsync status --offline"),
        ("of some, for a script", "assetsync status 'nlp/*' --format json"),
    ),
    "plan": (
        ("what would happen, and why", "assetsync plan"),
        ("one asset alone, with all of its files", "assetsync plan nlp/tokenizer -v"),
        ("for a script: is there anything to do?", "assetsync plan --format json --detailed-exitcode"),
    ),
    "apply": (
        ("show the plan, ask, publish", "assetsync apply"),
        ("in a CI job", "assetsync apply --yes --commit --push"),
        ("exactly the plan that was saved", "assetsync apply --plan plan.json"),
    ),
    "sync": (
        ("after `git clone`, `git pull` or `git checkout`", "assetsync sync"),
        ("publish with a reason, and commit assets.lock", "assetsync sync --message 'F1 0.93' --commit"),
    ),
    "pull": (
        ("get what assets.lock names", "assetsync pull"),
        ("one asset, giving up what was changed here", "assetsync pull nlp/tokenizer --discard-local nlp/tokenizer"),
    ),
    "upgrade": (
        ("the newest version of every line", "assetsync upgrade"),
        ("of one asset", "assetsync upgrade shared/embeddings"),
    ),
    "check": (
        ("in CI: does assets.lock fit assets.yaml?", "assetsync check"),
        ("in a hook: what is about to be committed", "assetsync check --staged"),
        ("are the locked versions in the store?", "assetsync check --remote"),
    ),
    "init": (
        ("a bucket", "assetsync init --store s3://my-bucket/modelkit-assets"),
        ("a directory, with git's files edited too", "assetsync init --store ./store --yes"),
    ),
    "add": (
        ("a directory, under a name", "assetsync add models/tokenizer nlp/tokenizer"),
        ("every file and folder below models/, each an asset", "assetsync add 'models/*'"),
        ("what others publish", "assetsync add data/embeddings shared/embeddings --version 3 --readonly"),
    ),
    "adopt": (
        ("what of the store is here, without writing anything", "assetsync adopt --dry-run"),
        ("some of it, looked for in models/ first", "assetsync adopt 'nlp/*' --path 'models/{name}'"),
        ("all of it, also what is not here", "assetsync adopt --all"),
    ),
    "remove": (
        ("take it out of assets.yaml; the store keeps it", "assetsync remove nlp/tokenizer"),
        ("and out of assets.lock", "assetsync apply"),
    ),
    "lock": (
        ("after a merge with conflicts", "assetsync lock --resolve"),
        (
            "let git ask assetsync while it merges, once in each clone",
            "git config merge.assetsync.driver 'assetsync lock --merge-driver %O %A %B'",
        ),
    ),
    "promote": (
        ("what production lacks of assets.lock", "assetsync promote --to prod --dry-run"),
        ("one asset, at the version that is locked", "assetsync promote nlp/tokenizer --to prod"),
        ("a certain version, in a CI job", "assetsync promote nlp/tokenizer:1.2 --from staging --to prod --yes"),
    ),
    "list": (
        ("everything in the store", "assetsync list"),
        ("some of it, with sizes and dates", "assetsync list 'nlp/*' --long"),
        ("all of it as one page for a browser", "assetsync list --format html -o assets.html"),
    ),
    "log": (
        ("who published what, when and from which commit", "assetsync log nlp/tokenizer"),
        ("the newest of each of some assets", "assetsync log 'nlp/*' -n 1"),
        ("the last three, for a script", "assetsync log nlp/tokenizer -n 3 --format json"),
    ),
    "show": (
        ("the newest version", "assetsync show nlp/tokenizer"),
        ("a certain one", "assetsync show nlp/tokenizer:1.2"),
        ("a saved plan", "assetsync show plan.json"),
    ),
    "diff": (
        ("two versions", "assetsync diff nlp/tokenizer:1.1 nlp/tokenizer:1.2"),
        ("the newest version and what is here", "assetsync diff nlp/tokenizer ./models/tokenizer"),
    ),
    "alias": (
        ("production serves 1.4 from now on", "assetsync alias nlp/sentiment production 1.4 -m 'F1 0.93'"),
        ("where it is, and was", "assetsync alias nlp/sentiment production"),
        ("back to where it was before", "assetsync alias nlp/sentiment production --rollback"),
    ),
    "yank": (
        ("nobody shall get 1.3 any more", "assetsync yank nlp/sentiment:1.3 -m 'wrong labels'"),
        ("the newest one: 1.2 comes once more, as 1.5", "assetsync yank nlp/sentiment:1.4 -m slow --republish 1.2"),
        ("it was not that bad", "assetsync yank nlp/sentiment:1.3 --undo -m 'labels were right'"),
    ),
    "verify": (
        ("all that assets.lock names", "assetsync verify"),
        ("one version, byte by byte", "assetsync verify nlp/tokenizer:1.2 --deep"),
        ("the whole store", "assetsync verify --all"),
    ),
    "doctor": (
        ("may I do what I need here?", "assetsync doctor"),
        ("without writing anything", "assetsync doctor --read-only"),
        ("clear up after dead publishes, after asking", "assetsync doctor --repair"),
    ),
    "completion": (
        ("bash, from now on", "echo 'eval \"$(assetsync completion bash)\"' >> ~/.bashrc"),
        ("zsh", "echo 'eval \"$(assetsync completion zsh)\"' >> ~/.zshrc"),
        ("fish", "assetsync completion fish > ~/.config/fish/completions/assetsync.fish"),
    ),
    "new": (
        ("a first version", "assetsync new out/model nlp/sentiment"),
        ("see it first", "assetsync new out/model nlp/sentiment --dry-run"),
        ("begin with 1.0", "assetsync new out/model nlp/sentiment:1"),
    ),
    "update": (
        ("the next version", "assetsync update out/model nlp/sentiment --message 'F1 0.93'"),
        ("the next major", "assetsync update out/model nlp/sentiment --bump-major"),
        ("what lies in a bucket, in a CI job", "assetsync update s3://runs/42/model nlp/sentiment --yes"),
    ),
    "fetch": (
        ("a certain version, forever the same", "assetsync fetch nlp/sentiment:1.4 --assets-dir /var/cache/assets"),
        ("one file of the newest of line 1", "assetsync fetch 'nlp/sentiment:1[config.json]'"),
        ("all that assets.lock names, into an image", "assetsync fetch --locked --assets-dir /assets"),
    ),
}
