"""Forward passes, from their outputs to what they turn out to be for: training or evaluation."""

from collections import deque

from tlstudy.watching.seen import Call, Mean, Seen

PENDING = 64  # forward passes that may wait for their backward pass


class PendingCalls:
    """Forward passes that wait to be told apart.

    Attributes:
        last: the last one until its step or the end of the epoch.
        train, test: means over the examples of this epoch.
        steps_of_epoch: optimiser steps of this epoch.
    """

    def __init__(self, seen: Seen):
        self._seen = seen
        self._waiting: deque[Call] = deque()
        self._batch_of_step: int | None = None
        self.last: Call | None = None
        self.begin_epoch()

    def begin_epoch(self) -> None:
        self.train, self.test, self.steps_of_epoch = Mean(), Mean(), 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, call: Call) -> None:
        """A new one; the oldest may have waited long enough."""
        self._settle(PENDING, by_step=True)
        self._waiting.append(call)
        self.last = call

    def end_step(self) -> None:
        """All that wait belong to the step that was made."""
        self.settle_all(by_step=True)
        self._seen.steps += 1
        self.steps_of_epoch += 1

    def settle_all(self, by_step: bool = False) -> None:
        """Tell all apart that wait."""
        self._settle(1, by_step)
        self.last = None
        self._batch_of_step = None

    def _settle(self, most: int, by_step: bool) -> None:
        """Say of the oldest forward passes what they were for, until fewer are left."""
        while len(self._waiting) >= most:
            call = self._waiting.popleft()
            if call.trained and by_step:
                self._settle_trained(call)
            elif call.trained:  # a saliency map, or the rest of gradients that are added up
                self._seen.without_step += 1
            elif self._seen.steps:
                kind = self._seen.idle if call.with_gradients else self._seen.evaluated
                kind.add(call.training_mode)
                # Between steps it may be a part of the training, such as a painter's for a critic.
                at_end = call.with_gradients and call.training_mode and not by_step
                self._seen.idle_at_end += at_end
                if not call.with_gradients or not call.training_mode or at_end:
                    self._settle_evaluated(call)

    def _settle_trained(self, call: Call) -> None:
        seen, right_mode = self._seen, call.training_mode or call.training_is_meant
        self.train.add(call)
        seen.trained.add(right_mode)
        seen.layers_off += call.layers_off
        if not right_mode and seen.first_in_evaluation_mode is None:
            seen.first_in_evaluation_mode = seen.steps + 1
        if self._batch_of_step is None and call.examples:
            self._batch_of_step = hash(frozenset(call.examples))
            if len(seen.batches) < 2:
                seen.batches.add(self._batch_of_step)
        seen.examples.train_on(call.examples, again=seen.epochs > 0)

    def _settle_evaluated(self, call: Call) -> None:
        if self._seen.examples.evaluate(set(call.examples)):
            self.test.add(call)
