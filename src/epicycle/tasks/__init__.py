"""The tasks: finite tables of inputs and labels with their symmetries. A new task is a file in this folder and a line below."""

TASKS = {
    "modular": "epicycle.tasks.modular:Modular",
    "composition": "epicycle.tasks.groups:Composition",
    "toy_addition": "epicycle.tasks.addition:ToyAddition",
    "random_table": "epicycle.tasks.random_tables:RandomTable",
    "numbered_rows": "epicycle.tasks.numbered_rows:NumberedRows",
    "ladder": "epicycle.tasks.ladder:Ladder",
    "blocks": "epicycle.tasks.ladder:Blocks",
    "random_labels": "epicycle.tasks.derived:RandomLabels",
    "without_diagonal": "epicycle.tasks.derived:WithoutDiagonal",
    "password": "epicycle.tasks.password:Password",
    "mixed_rules": "epicycle.tasks.mixed_rules:MixedRules",
}
