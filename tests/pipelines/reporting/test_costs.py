"""Parameters, FLOPs and published figures beside a run, and the audit that a comparison leaves."""

from dataclasses import replace

import pytest
from fabricate import fabricate

from pipelines import api
from pipelines.reporting.content import audit_table, comparison_table
from pipelines.reporting.tables.columns import count_of
from pipelines.reporting.tables.network_cost import network_cost
from pipelines.reporting.tables.published import published, published_of
from pipelines.results.load import load_results


def cell_of(folder, expression, head="svm", dataset="fer2013"):
    first = load_results(folder).cells[0]
    row = replace(
        first.test, extractor=expression, spec=expression.partition(" [")[0], head=head, dataset=dataset
    )
    return replace(first, rows={"test": row})


def test_networks_count_up_to_their_layer(folder):
    fc2 = network_cost(cell_of(folder, "ucm-f(weights='gone.npz', layer='fc2') [mirror]"))
    # All but the last layer: 64 x 7 weights and 7 biases.
    assert fc2.parameters == 779_783 - (64 * 7 + 7)
    assert fc2.flops == 299_584_519 - (2 * 64 * 7 + 7)
    whole = network_cost(cell_of(folder, "ucm-f(weights='gone.npz', layer='scores')", "network-softmax"))
    assert (whole.parameters, whole.flops) == (779_783, 299_584_519)
    both = network_cost(cell_of(folder, "hog+ucm-f(layer='fc2')"))
    assert both == fc2
    assert network_cost(cell_of(folder, "hog+lbp")) is None
    assert network_cost(cell_of(folder, "gone-network(layer='fc2')")) is None


def test_the_columns_stand_only_where_there_is_a_network(folder, tmp_path):
    assert not {"weights", "flops"} & {c.key for c in comparison_table(load_results(folder)).used}
    fabricate(tmp_path, extractors=("hog", "ucm-a"), heads=("svm",), n=60)
    table = comparison_table(load_results(tmp_path))
    columns = {c.key: c for c in table.used}
    hog, network = table.records
    assert columns["flops"].shown(hog) == "-"
    assert columns["weights"].shown(network) == "387.6 k"  # fc1: without fc2 and the scores
    assert (columns["weights"].numeric, columns["flops"].numeric) == (True, True)


@pytest.mark.parametrize(
    ("value", "said"), [(7, "7"), (391_808, "391.8 k"), (23_561_152, "23.56 M"), (7_664_566_272, "7.665 G")]
)
def test_large_counts(value, said):
    assert count_of(value) == said


@pytest.mark.parametrize(
    ("expression", "head", "accuracy", "by"),
    [
        ("ucm-f(layer='scores')", "network-softmax", 0.6226, "R1"),
        ("ucm-f [mirror]", "softmax", 0.6226, "R1"),
        ("ucm-f(weights='w.npz', layer='fc2')", "knn", 0.62873, "R1"),
        ("ucm-b(layer='scores')", "network-softmax", 0.56143, "R1 (validation, mean of 10 runs)"),
        ("resnet18(layer='scores')", "network-softmax", 0.8081, "R3 (1860 photos of their own)"),
        ("huamanga(layer='scores')", "network-softmax", 0.9, "R4 (training samples, as claimed)"),
        ("guevara", "softmax", 0.66, "R5"),
    ],
)
def test_each_system_beside_ours(folder, expression, head, accuracy, by):
    found = published_of(cell_of(folder, expression, head))
    assert (found.accuracy, found.by) == (accuracy, by)


@pytest.mark.parametrize(
    ("network", "data", "accuracy"),
    [
        ("stcnn", "casme2", 0.9), ("stcnn", "smic", 0.916), ("rotation3d", "casme2", 0.942),
        ("rotation3d", "smic", 0.844), ("cnn-lstm", "casme2", 0.98), ("cnn-lstm", "smic", 0.922),
    ],
)  # fmt: skip
def test_r2s_clip_networks_with_what_flatters_them(folder, network, data, accuracy):
    found = published_of(cell_of(folder, f"{network}-{data}(layer='scores')", "network-softmax", data))
    assert found.accuracy == accuracy
    assert found.by.startswith("R2 (")
    assert found.by.endswith("subjects on both sides)")
    other = {"casme2": "smic", "smic": "casme2"}[data]
    assert (
        published_of(cell_of(folder, f"{network}-{data}(layer='scores')", "network-softmax", other)) is None
    )


def test_every_published_extractor_is_one_of_ours():
    from featurize.registry import list_extractors

    assert {figure.extractor for figure in published()} <= set(list_extractors())


def test_no_figure_beside_what_was_not_published(folder):
    assert published_of(cell_of(folder, "vggface2 [mirror]", "svm")) is None  # theirs is without copies
    assert published_of(cell_of(folder, "ucm-f+hog [mirror]", "softmax")) is None
    assert published_of(cell_of(folder, "guevara", "softmax", "others")) is None


def test_a_comparison_leaves_its_audit(tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        "name: r\ndata: {name: synthetic, options: {n_per_class: 15, n_identities: 8}}\n"
        "protocols: [{protocol: holdout, validation: 0.25}]\n"
        "extractors: [pixels]\nheads: [knn]\n"
    )
    plan, out = api.load_recipe(recipe), tmp_path / "o"
    api.compare(plan, out)
    records = audit_table(load_results(out)).records
    assert any(record["words"].startswith("blank") for record in records)
    summary = out / "audit" / "summary.csv"
    summary.write_text("kept")
    api.compare(plan, out)
    assert summary.read_text() == "kept"
    (out / "audit" / "fingerprint.txt").write_text("of other samples")
    api.compare(plan, out)
    assert summary.read_text() != "kept"
