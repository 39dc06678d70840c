"""`epicycle surface`: a picture on the page of a study, and what is refused."""

import json
from pathlib import Path

from tests.cli.commands import Command, one_paragraph

STUDY = """
question: What is around the way?
arms:
  plain:
    experiment:
      task: {kind: modular, p: 7, operation: x-y}
      split: {frac_train: 0.7}
      model: {kind: mlp, d_model: 4, d_mlp: 8}
      training: {steps: 40}
    seeds: 2
  slower:
    fork: plain
    at: 10
    edits: [{kind: scale, knob: lr, by: 0.5}]
"""


def test_the_picture_is_on_the_page_of_the_study(tmp_path: Path, command: Command) -> None:
    (tmp_path / "mine.yaml").write_text(STUDY)
    page = Path(json.loads(command("run", "mine.yaml", "--json").stdout)["report"])
    before = page.read_text()
    result = command("surface", "mine.yaml", "--seed", "1", "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["arm"] == "plain"
    assert 0 < document["share"] <= 1
    share = f"The plane shows {100 * document['share']:.0f} % of the way"
    assert share in page.read_text()
    assert share not in before
    assert "seed 1" in page.read_text()
    assert {each.name for each in page.parent.glob("surface.*")} == {f"surface.{end}" for end in ("json", "png", "pdf", "svg")}
    assert command("report", "mine.yaml").returncode == 0
    assert share in page.read_text(), "a page that is made again keeps the picture"
    for options, words in ((("--arm", "slower"), "no arm 'slower'"), (("--seed", "9"), "has no seed 9")):
        one_paragraph(command("surface", "mine.yaml", *options), words)
