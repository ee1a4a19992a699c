"""What a proxy score is asked, and what it must answer: the contract of scorers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from systems.scoring.heads import HeadTask


class Scorer(Protocol):
    """Says how good a starting point models are, by their features alone.

    All systems use the same one, so that a comparison holds. A score is the share of test
    items that are classified right: that is the unit in which the harness tells whether two
    systems gave the same answer ("within one test item").
    """

    def correct(
        self, tasks: Sequence[HeadTask], train_labels: Tensor, test_labels: Tensor
    ) -> list[int]:
        """The number of test items that are classified right, for each task in order.

        A task has ``model_id``, ``train`` float32 [m, d] and ``test`` float32 [t, d], all on one
        device; labels are int64 [m] and [t] there. Systems differ in which models they score
        together, in which order and on which thread: a result must depend on the task and the
        labels alone, so chance is to be seeded by ``model_id``. Nothing may be changed in place.
        """
        ...
