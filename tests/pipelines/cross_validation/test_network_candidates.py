"""What is kept of a fold is of these epochs, this fold and this network."""

import numpy as np
import pytest

from pipelines.cross_validation.network_candidates import NetworkCandidates


class Noted(NetworkCandidates):
    """Says the numbers of epochs, and counts how often it is trained."""

    trained = 0

    def identity(self):
        return {"network": "noted"}

    def answers(self, train, test, key):
        self.trained += 1
        return np.multiply.outer(np.array(self.epochs, float), np.ones((len(test), 3)))


FOLD = np.arange(20), np.arange(20, 30)


@pytest.mark.parametrize("epochs", [(4,), (2,), (2, 4, 6), (1, 4)])
def test_other_numbers_of_epochs_are_another_file(tmp_path, epochs):
    """Else the scores at 4 epochs would be read as those at 2."""
    Noted((2, 4), tmp_path).scores(*FOLD)
    other = Noted(epochs, tmp_path)
    assert other.scores(*FOLD)[:, 0, 0].tolist() == list(epochs)
    assert other.trained == 1
    assert len(list(tmp_path.glob("*.npz"))) == 2


def test_the_same_fold_is_read_in_whatever_order_epochs_are_given(tmp_path):
    first, again = Noted((2, 4), tmp_path), Noted((4, 2, 4), tmp_path)
    np.testing.assert_array_equal(first.scores(*FOLD), again.scores(*FOLD))
    assert (first.trained, again.trained) == (1, 0)
    again.scores(FOLD[0][1:], FOLD[1])
    assert again.trained == 1
