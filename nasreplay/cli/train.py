"""`nasreplay train`: one network of the benchmark from scratch, the table's number beside ours."""

from __future__ import annotations

from typing import Any

import click

from nasreplay.cli import resume
from nasreplay.cli.options import command_line, options_of
from nasreplay.cli.progress import Progress
from nasreplay.jobs.training.training_settings import RetrainSettings, TrainSettings
from nasreplay.settings import chosen


@click.command()
@click.argument("arch", required=False)
@options_of(TrainSettings)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def train(**given: Any) -> None:
    """Train ARCH and print its accuracies, and what the table knows of the same network.

    This is `nasreplay retrain` with the defaults of a first trial. ARCH is an |op~0|… text, a six-digit key, an
    official index, widths such as 8:16:24:32:40, a file with one, or one of resnet, all_c3x3, all_c1x1, all_idnt.
    Data sets: digits, cifar10-valid (trains on one half of cifar10's training images), cifar10, cifar100,
    ImageNet16-120, tiny-imagenet-200, food101, or an image folder. The run folder holds run.json, epochs.jsonl and
    checkpoint/; a killed training continues with `nasreplay resume FOLDER`, to the same bits on a CPU.
    """
    values = resume.continued(given)
    if resume.told_before(values):
        return
    arch, as_json = values.pop("arch"), values.pop("as_json")
    if not arch:
        raise click.UsageError("Missing argument 'ARCH'")
    settings = chosen(TrainSettings, values)
    with Progress("training") as progress:
        from nasreplay.cli.views import training_text
        from nasreplay.jobs import training
        from nasreplay.jobs.training.training_target import read_cell

        result = training.retrain(
            read_cell(arch),
            root="output/train",
            command=command_line(),
            started=lambda found, _, seed: progress.tell(
                training_text.resolved_briefly(found, seed), err=as_json
            ),
            tell=lambda line: progress.tell(line, err=as_json),
            progress=progress,
            settings=RetrainSettings(**vars(settings)),
        )
    resume.tell(result.folder, training_text.outcome(result), result.plain(), as_json)
