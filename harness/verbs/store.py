"""``alsatian-bench store``: what is stored, and how much models share."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from harness.exit_codes import INVALID
from harness.terminal import ERR, OUT, default_cache
from harness.verbs.options import (
    CacheFolder,
    Format,
    FormatOption,
    answer_json,
    is_for_programs,
)
from systems.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.checkpoint_overlap import HashedModel, Told
    from systems.models.checkpoints.finding import Skipped

app = typer.Typer(
    help="See what models share, and what the store of blocks holds.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def overlap(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Folders of checkpoints, text files that list such, or a scenario.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where tables and heat map go.")
    ] = Path("overlap"),
    scale: Annotated[str | None, typer.Option(help="A scale of the scenario file.")] = None,
    cache: CacheFolder = None,
    output_format: FormatOption = Format.table,
) -> None:
    """Say how many blocks and bytes models share, and how far from the start they agree."""
    from reports.figures.overlap import draw_overlap
    from reports.overlap import (
        ModelBlocks,
        in_order,
        overlaps,
        prefix_lengths,
        print_overlaps,
        write_overlaps,
    )
    from systems.models.checkpoints.finding import Skipped

    for_programs = is_for_programs(output_format)
    found: list[ModelBlocks] = []
    skipped: list[Skipped] = []
    with _progress() as progress:
        task = progress.add_task("", total=None)

        def told(name: str) -> None:
            progress.update(task, description=f"reading {escape(name)}")

        for each in _models(sources, scale=scale, cache=cache or default_cache(), told=told):
            if isinstance(each, Skipped):
                skipped.append(each)
                ERR.print(
                    f"[yellow]skipped:[/yellow] {escape(f'{each.checkpoint}: {each.reason}')}"
                )
            else:
                found.append(ModelBlocks(**_fields(each)))
    if not found:
        raise ConfigurationError(
            f"Not one of the {len(skipped)} checkpoints can be loaded; why stands above."
        )
    models = in_order(found)
    lengths = prefix_lengths(models)
    shared = overlaps(models, lengths)
    print_overlaps(OUT, shared)
    written = write_overlaps(shared, models, lengths, output)
    drawn = draw_overlap(models, lengths, output)
    if for_programs:
        answer_json(
            {
                "families": [asdict(each) for each in shared],
                "skipped": [{"checkpoint": s.checkpoint, "reason": s.reason} for s in skipped],
                "files": [str(path) for path in (*written, *drawn)],
            }
        )
        return
    if skipped:
        OUT.print(f"{len(skipped)} checkpoints were skipped.")
    OUT.print(f"Tables: {', '.join(map(str, written))}")
    OUT.print(f"Figure: {', '.join(map(str, drawn))}")


@app.command(name="list")
def list_(cache: CacheFolder = None, output_format: FormatOption = Format.table) -> None:
    """List the models in the store of blocks."""
    from systems.store.store import BlockStore

    root = (cache or default_cache()) / "store"
    with BlockStore.open(root, create=False) as store:
        sizes = store.sizes()
        models: list[dict[str, Any]] = []
        for model_id in store.model_ids():
            model = store.model(model_id)
            models.append(
                {
                    "model": model_id,
                    "architecture": model.architecture,
                    "blocks": len(model.blocks),
                    "bytes": sum(ref.tensor_bytes for ref in model.blocks),
                }
            )
    if is_for_programs(output_format):
        answer_json({"folder": str(root), **asdict(sizes), "listed": models})
        return
    table = Table(box=None, pad_edge=False)
    for column in ("model", "architecture", "blocks", "MB"):
        is_text = column in ("model", "architecture")
        table.add_column(column, justify="left" if is_text else "right", overflow="fold")
    for each in models:
        table.add_row(
            escape(each["model"]),
            escape(each["architecture"]),
            str(each["blocks"]),
            f"{each['bytes'] / 1e6:,.1f}",
        )
    OUT.print(table)
    OUT.print(
        f"{sizes.models:,} models of {sizes.blocks:,} different blocks, "
        f"{sizes.file_bytes / 1e6:,.1f} MB: {escape(str(root))}"
    )


@app.command()
def verify(cache: CacheFolder = None, output_format: FormatOption = Format.table) -> None:
    """Read every block of the store again, and check it against its hash.

    Exit codes: 0 all is whole, 3 something is not.
    """
    from systems.store.store import BlockStore

    root = (cache or default_cache()) / "store"
    with BlockStore.open(root, create=False) as store:
        sizes = store.sizes()
        faults = store.verify()
    if is_for_programs(output_format):
        answer_json({"folder": str(root), **asdict(sizes), "faults": faults})
    for fault in faults:
        OUT.print(f"[red]problem:[/red] {escape(fault)}")
    OUT.print(
        f"{sizes.blocks:,} blocks, {sizes.file_bytes / 1e6:,.1f} MB: {len(faults)} problems "
        f"({escape(str(root))})"
    )
    if faults:
        raise typer.Exit(INVALID)


def _models(
    sources: list[str], *, scale: str | None, cache: Path, told: Told
) -> Iterator[HashedModel | Skipped]:
    """The models of folders, of lists, or of scenarios."""
    from harness.checkpoint_overlap import hashed_checkpoints, hashed_model_sets
    from harness.spec import plan_runs
    from systems.models.checkpoints.finding import find_checkpoints

    for source in sources:
        path = Path(source).expanduser()
        if path.is_dir() or (path.is_file() and path.suffix not in (".yaml", ".yml")):
            yield from hashed_checkpoints(find_checkpoints(path), cache=cache, told=told)
        else:
            plan = plan_runs(source, scale=scale)
            yield from hashed_model_sets(plan.specs, cache=cache, told=told)


def _fields(model: Any) -> dict[str, Any]:
    names = ("name", "family", "architecture", "blocks", "block_bytes")
    return {name: getattr(model, name) for name in names}


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=OUT,
        disable=not OUT.is_terminal,
        transient=True,
    )
