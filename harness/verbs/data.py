"""``alsatian-bench data``: what datasets there are, whether one is whole, and how it is split."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from harness.exit_codes import INVALID
from harness.terminal import ERR, OUT
from harness.verbs.options import Format, FormatOption, answer_json, is_for_programs

if TYPE_CHECKING:
    from systems.data.datasets import DatasetKind
    from systems.data.published.catalogue import PublishedDataset
    from systems.data.published.files import PublishedFiles

CLASSES_SHOWN = 20
"""Without --classes a table of more classes is cut to its smallest ones."""

app = typer.Typer(
    help="List, check and split datasets that lie in folders of yours.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(metavar="DATASET", help="Such as food_101 or image_folder.")]
Place = Annotated[
    Path | None,
    typer.Argument(
        metavar="[PATH]",
        help="Its folder, or one above (default for published ones: $ALSATIAN_BENCH_DATA).",
    ),
]


@app.command(name="list")
def list_(
    name: Annotated[
        str | None, typer.Argument(metavar="[DATASET]", help="All that is known of this one.")
    ] = None,
    output_format: FormatOption = Format.table,
) -> None:
    """Say which published datasets can be read, where they come from, how they are laid out."""
    from systems.data.datasets import dataset_kind
    from systems.data.published.catalogue import PUBLISHED

    if is_for_programs(output_format):
        known = [_as_json(facts) for facts in PUBLISHED.values() if name in (None, facts.name)]
        if name is not None and not known:
            kind = dataset_kind(name)  # a mistake in the name is the same sentence here
            known = [{"name": name, "summary": kind.summary, "needs_path": kind.needs_path}]
        answer_json(known)
        return
    if name is not None:
        _describe(name)
        return
    table = Table(box=None, pad_edge=False)
    for column in ("name", "items", "classes", "size", "page"):
        text = column in ("name", "page")
        table.add_column(column, justify="left" if text else "right", overflow="fold")
    for facts in PUBLISHED.values():
        counts = (f"{facts.items:,}", str(facts.classes))
        table.add_row(facts.name, *counts, facts.download, facts.page)
    OUT.print(table)
    OUT.print("More of one, with its layout: alsatian-bench data list food_101")
    OUT.print("Your own: image_folder, text_folder (a folder with one sub-folder per class).")


@app.command()
def check(
    dataset: Name,
    path: Place = None,
    classes: Annotated[bool, typer.Option("--classes", help="Show every class.")] = False,
    decode: Annotated[
        bool, typer.Option("--decode/--no-decode", help="Decode every file to find damage.")
    ] = True,
    output_format: FormatOption = Format.table,
) -> None:
    """Check a dataset's layout, its counts against the published ones, and every file.

    Exit code 0: nothing wrong; 2: the dataset is not there; 3: something is wrong with it.
    """
    from systems.data.datasets import dataset_kind
    from systems.data.inspection import inspect
    from systems.data.published.catalogue import PUBLISHED

    for_programs = is_for_programs(output_format)
    kind = dataset_kind(dataset)
    files = _files(kind, path)
    OUT.print(escape(f"{dataset} in {files.folders.root}: {len(files.folders.files):,} files"))
    OUT.print(_class_table(files, every=classes))
    findings = inspect(files, facts=PUBLISHED.get(dataset))
    problems = list(findings.problems)
    if decode:
        problems += _damaged(files, kind)
    for sentence in findings.notes:
        OUT.print(f"[yellow]note:[/yellow] {escape(sentence)}")
    for sentence in problems:
        OUT.print(f"[red]problem:[/red] {escape(sentence)}")
    if for_programs:
        answer_json(
            {
                "dataset": dataset,
                "folder": str(files.folders.root),
                "files": len(files.folders.files),
                "classes": list(files.folders.classes),
                "notes": list(findings.notes),
                "problems": problems,
            }
        )
    if problems:
        OUT.print(f"{len(problems):,} problems.")
        raise typer.Exit(INVALID)
    looked = "every file can be decoded" if decode else "no file was opened (--no-decode)"
    published = "; the counts are the published ones" if dataset in PUBLISHED else ""
    OUT.print(f"Nothing wrong: {looked}{published}.")


@app.command()
def split(
    dataset: Name,
    path: Place = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The CSV file.")] = None,
    items: Annotated[
        int | None, typer.Option(min=1, help="Choose so many by class share (default: all).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="A scenario's data_seed.")] = 0,
    test_fraction: Annotated[float, typer.Option(help="The share that tests.")] = 0.2,
    output_format: FormatOption = Format.table,
) -> None:
    """Write the split that a search with these numbers uses: file, class, part, order."""
    from systems.data.content import write_atomically
    from systems.data.datasets import dataset_kind
    from systems.data.published.opening import require_all
    from systems.data.split_table import split_table
    from systems.errors import ConfigurationError

    target = output or Path(f"{dataset}-split.csv")
    if not target.parent.is_dir():
        raise ConfigurationError(f"The folder {target.parent} does not exist: make it first.")
    files = _files(dataset_kind(dataset), path)
    require_all(files)
    text, counts = split_table(files.folders, items=items, seed=seed, test_fraction=test_fraction)
    write_atomically(target, text.encode())
    if is_for_programs(output_format):
        answer_json({"file": str(target), "seed": seed, **counts})
        return
    OUT.print(
        escape(
            f"{target}: {counts['test']:,} items to test and {counts['train']:,} to train, of "
            f"{len(files.folders.classes)} classes, seed {seed}; files below {files.folders.root}"
        )
    )


def _as_json(facts: PublishedDataset) -> dict[str, object]:
    return {
        "name": facts.name,
        "summary": facts.summary,
        "items": facts.items,
        "classes": facts.classes,
        "parts": dict(facts.parts),
        "page": facts.page,
        "download": facts.download,
        "terms": facts.terms,
    }


def _describe(name: str) -> None:
    """Print all that is known of one dataset."""
    from systems.data.datasets import dataset_kind
    from systems.data.published.catalogue import PUBLISHED

    kind = dataset_kind(name)
    facts = PUBLISHED.get(name)
    if facts is None:
        path = f"; path: the folder that holds {kind.path_holds}" if kind.needs_path else ""
        OUT.print(escape(f"{name}: {kind.summary} Nothing to fetch{path}."))
        return
    for line in _facts(facts):
        OUT.print(escape(line))


def _facts(facts: PublishedDataset) -> list[str]:
    parts = ", ".join(f"{part} {items:,}" for part, items in facts.parts.items())
    lines = [
        facts.summary,
        f"parts      {parts}; a search uses them together and splits them anew",
        f"from       {facts.page}",
        f"download   {facts.download}; fetch it yourself and unpack it",
        f"terms      {facts.terms}",
    ]
    for number, layout in enumerate(facts.layouts):
        label = "or        " if number else "its folder"
        lines += [f"{label if not row else '':10} {line}" for row, line in enumerate(layout.tree)]
    lines += [f"note       {facts.note}"] if facts.note else []
    return [
        *lines,
        f"then       alsatian-bench data check {facts.name} FOLDER",
        f"           in a scenario: dataset: {facts.name} with path: FOLDER, or without, where "
        "ALSATIAN_BENCH_DATA is set to its folder or the one above",
    ]


def _files(kind: DatasetKind, path: Path | None) -> PublishedFiles:
    from harness.dataset_paths import dataset_path
    from systems.data.inspection import read_labelled

    given = str(path.expanduser()) if path else None
    place = dataset_path(kind, given) if kind.needs_path else given
    return read_labelled(kind, Path(place or ""))


def _class_table(files: PublishedFiles, *, every: bool) -> Table:
    """Items of each class and part; of many classes the smallest, unless all are wanted."""
    counts = files.counts()
    rows = list(zip(files.folders.classes, counts.tolist(), strict=True))
    title = None
    if len(rows) > CLASSES_SHOWN and not every:
        title = f"the {CLASSES_SHOWN} smallest of {len(rows)} classes (--classes shows all)"
        rows = sorted(rows, key=lambda row: (sum(row[1]), row[0]))[:CLASSES_SHOWN]
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("class")
    for part in (*files.parts, "together") if len(files.parts) > 1 else files.parts:
        table.add_column(escape(part), justify="right")
    for name, numbers in [*rows, ("all classes", counts.sum(axis=0).tolist())]:
        together = [sum(numbers)] if len(files.parts) > 1 else []
        table.add_row(escape(name), *(f"{number:,}" for number in [*numbers, *together]))
    return table


def _damaged(files: PublishedFiles, kind: DatasetKind) -> list[str]:
    """Decode every file, showing how far it is; what is wrong with those that are damaged."""
    from rich.progress import Progress

    from systems.data.inspection import complaints

    found = []
    with Progress(console=ERR, transient=True, disable=not ERR.is_terminal) as progress:
        task = progress.add_task("decoding", total=len(files.folders.files))
        for complaint in complaints(files, kind.modality):
            progress.advance(task)
            if complaint:
                found.append(complaint)
    return found
