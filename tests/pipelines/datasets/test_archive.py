"""Archives: read whole or refused with one line, never half."""

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.datasets import archive
from pipelines.datasets.archive import ArchiveError

FILES = {"a/one.txt": b"first " * 300, "a/två.txt": bytes(range(256)) * 8, "b/empty.txt": b""}
FORMS = ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"]


def packed(form, files=FILES, compress=True):
    """Return an archive of `files` as bytes."""
    file = io.BytesIO()
    if form == "zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
            for name, data in files.items():
                out.writestr(name, data)
        return file.getvalue()
    with tarfile.open(fileobj=file, mode="w") as out:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    squeeze = {"tar": bytes, "tar.gz": gzip.compress, "tar.bz2": bz2.compress, "tar.xz": lzma.compress}
    return squeeze[form](file.getvalue())


def read(path):
    with archive.opened(path) as members:
        return {member.name: member.read() for member in members}


def refused(tmp_path, data, *words, name="set.bin"):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ArchiveError) as caught:
        read(path)
    line = str(caught.value)
    assert str(path) in line
    assert "\n" not in line
    assert all(word in line for word in words), line


@pytest.mark.parametrize("form", FORMS)
def test_reads_every_form_whatever_its_name(form, tmp_path):
    path = tmp_path / "misnamed.jpg"
    path.write_bytes(packed(form))
    assert read(path) == FILES


@pytest.mark.parametrize("form", FORMS)
def test_truncated_anywhere(form, tmp_path):
    data = packed(form)
    # All of a plain tar after the first zero block is padding: it may go.
    end = len(data) if form != "tar" else len(data.rstrip(b"\0")) + 1
    for cut in range(3, end, max(1, end // 31)):
        refused(tmp_path, data[:cut])


def test_a_tar_that_ends_between_two_members(tmp_path):
    refused(tmp_path, packed("tar", {"a.txt": b"x" * 512})[:1024], "truncated")


def test_a_damaged_header_is_not_the_end(tmp_path):
    data = bytearray(packed("tar", {"a.txt": b"x" * 512, "b.txt": b"y"}))
    data[1024 + 5] ^= 1
    refused(tmp_path, bytes(data), "damaged")


def test_a_flipped_bit_in_a_zip(tmp_path):
    data = bytearray(packed("zip", {"a.txt": b"x" * 512}))
    data[40] ^= 1
    refused(tmp_path, bytes(data), "damaged")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "name", ["../out.txt", "a/../../out.txt", "/etc/out.txt", "..\\out.txt", "C:\\out.txt", "a/.."]
)
def test_names_that_climb_out(form, name, tmp_path):
    refused(tmp_path, packed(form, {"ok.txt": b"1", name: b"2"}), "leads out")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar(kind, tmp_path):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as out:
        info = tarfile.TarInfo("link.jpg")
        info.type, info.linkname = kind, "/etc/passwd"
        out.addfile(info)
    refused(tmp_path, file.getvalue(), "link")


def test_a_link_in_a_zip(tmp_path):
    file = io.BytesIO()
    info = zipfile.ZipInfo("link.jpg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file, "w") as out:
        out.writestr(info, "/etc/passwd")
    refused(tmp_path, file.getvalue(), "link")


@pytest.mark.parametrize("form", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_unpacks_to_a_hundred_times_its_size(form, tmp_path):
    refused(tmp_path, packed(form, {"train/happy/a.jpg": bytes(5_000_000)}), "100 times")


def test_a_bomb_in_a_name(tmp_path):
    refused(tmp_path, packed("tar.gz", {"x" * 3_000_000: b"1"}), "100 times")


def test_more_than_the_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 1000)
    refused(tmp_path, packed("zip"), "unpacks to")
    refused(tmp_path, packed("tar"), "unpacks to")


def test_a_member_too_large_for_a_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBER", 1000)
    path = tmp_path / "a.tar"
    path.write_bytes(packed("tar"))
    with pytest.raises(ArchiveError, match=r"one\.txt.*too large"):
        read(path)


def test_a_password(tmp_path):
    data = bytearray(packed("zip", {"a.txt": b"x"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flag in the list of members
    refused(tmp_path, bytes(data), "password")


@pytest.mark.parametrize("data", [b"", b"7z\xbc\xaf\x27\x1c", b"emotion,pixels,Usage\n"])
def test_not_an_archive(data, tmp_path):
    refused(tmp_path, data, "not a .zip")


def test_gzip_that_holds_no_tar(tmp_path):
    refused(tmp_path, gzip.compress(b"emotion,pixels,Usage\n" * 100), "damaged")


def test_the_disks_own_errors_are_not_the_archives(tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(packed("tar"))
    with pytest.raises(OSError, match="disk") as caught, archive.opened(path):
        raise OSError(28, "disk full")
    assert not isinstance(caught.value, ArchiveError)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_damage_gives_the_files_or_one_line(tmp_path, data):
    form = data.draw(st.sampled_from(FORMS))
    whole = bytearray(packed(form))
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "a.bin"
    path.write_bytes(whole)
    try:
        found = read(path)
    except ArchiveError as error:
        assert "\n" not in str(error)
    else:
        assert len(found) <= len(FILES)
