# What this team wants of a plan, beyond the guards of assets.yaml. For conftest or opa, on the JSON of a plan:
#
#   assetsync plan -v --format json > plan.json
#   conftest test plan.json --policy docs/policies --data labels.json
#
# labels.json holds the labels of the pull request: {"labels": ["major"]}.
package main

import rego.v1

published contains action if {
	some action in input.actions
	action.action in {"create", "update"}
}

labelled(label) if label in data.labels

deny contains msg if {
	some action in published
	action.from != null
	split(action.from, ".")[0] != split(action.to, ".")[0]
	not labelled("major")
	msg := sprintf("%s: %s opens a new major; give the pull request the label `major`", [action.asset, action.to])
}

deny contains msg if {
	some action in published
	action.owner == null
	msg := sprintf("%s: has no `owner` in assets.yaml", [action.asset])
}

# A single file has an empty path inside its asset: its name is that of the asset's path.
names(action) := {name |
	some file in action.contents
	name := {true: action.path, false: file.path}[file.path == ""]
}

deny contains msg if {
	some action in published
	some name in names(action)
	some ending in {".pkl", ".pickle", ".joblib"}
	endswith(lower(name), ending)
	msg := sprintf("%s: `%s` is a pickle, which runs code when it is loaded", [action.asset, name])
}

is_directory(action) if {
	some file in action.contents
	file.path != ""
}

has_licence(action) if {
	some file in action.contents
	startswith(upper(file.path), "LICEN")
}

deny contains msg if {
	some action in published
	is_directory(action)
	not has_licence(action)
	msg := sprintf("%s: has no licence file", [action.asset])
}

deny contains msg if {
	count(published) > 0
	some what in input.guards.loosened
	not labelled("guards")
	msg := sprintf("this loosens a guard and publishes in one go: %s", [what])
}
