"""Data sets: what is read from a CSV or from folders, and what is refused."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.support.toys import CLASSES, LABELS, toy_folders
from training.data.manifest import (
    Choice,
    has_column,
    read_data,
    read_folders,
    read_manifest,
    read_to_measure,
    read_unsure,
)
from training.data.samples import Classes
from training.data.splits import of_split, unseen
from training.errors import InvalidManifest, PatientLeak


def manifest(folder: Path, *lines: str, header: str = "path,label,split,patient,source") -> Path:
    file = folder / "manifest.csv"
    file.write_text("\n".join((header, *lines)) + "\n")
    return file


def test_a_csv_with_everything(tmp_path):
    file = manifest(
        tmp_path,
        "a.png,COVID19,train,p1,here,masks/a.png",
        "sub/b.png,PNEUMONIA_VIRAL,test,p2,there,",
        header="path,label,split,patient,source,lung_mask",
    )
    first, second = read_manifest(file, CLASSES)

    assert (first.path, first.label, first.split) == (tmp_path / "a.png", "COVID19", "train")
    assert (first.patient, first.source) == ("p1", "here")
    assert first.lung_mask == tmp_path / "masks/a.png"
    assert second.path == tmp_path / "sub/b.png"
    assert second.label == "PNEUMONIA"
    assert second.lung_mask is None
    np.testing.assert_array_equal(CLASSES.targets([first, second]), [0, 2])


def test_without_further_columns_each_image_is_a_patient_to_test_on(tmp_path):
    file = manifest(tmp_path, "a.png,Normal", "b.png,covid-19", header="path,label")
    samples = read_manifest(file, CLASSES)

    assert [sample.label for sample in samples] == ["NORMAL", "COVID19"]
    assert {sample.split for sample in samples} == {"test"}
    assert len({sample.patient for sample in samples}) == 2


def test_folders_of_classes_in_splits(tmp_path):
    samples = read_folders(toy_folders(tmp_path / "chests", each=2), CLASSES)

    assert len(samples) == 18
    assert len(of_split(samples, "val")) == 6
    assert {sample.path.parent.name for sample in samples} == {sample.label for sample in samples}
    assert {sample.source for sample in samples} == {"chests"}


def test_folders_without_splits_are_for_training(tmp_path):
    (tmp_path / "Covid-19").mkdir()
    (tmp_path / "Covid-19" / "a.PNG").touch()
    (tmp_path / "Covid-19" / "notes.txt").touch()
    (sample,) = read_data(tmp_path, CLASSES)

    assert (sample.label, sample.split) == ("COVID19", "train")


def test_a_folder_with_a_manifest_is_read_by_it(tmp_path):
    toy_folders(tmp_path, each=1)
    manifest(tmp_path, "train/NORMAL/0.png,NORMAL,train,p,s")

    assert len(read_data(tmp_path, CLASSES)) == 1
    assert read_data(tmp_path, CLASSES) == read_data(tmp_path / "manifest.csv", CLASSES)


def test_a_patient_in_two_splits_is_named(tmp_path):
    file = manifest(
        tmp_path, "a.png,NORMAL,train,p1,s", "b.png,NORMAL,val,p2,s", "c.png,NORMAL,test,p1,s"
    )
    with pytest.raises(PatientLeak, match="'p1' is in the splits train and test"):
        read_manifest(file, CLASSES)


def test_an_unknown_label_is_named_with_its_row(tmp_path):
    file = manifest(tmp_path, "a.png,NORMAL,test,p1,s", "b.png,FRACTURE,test,p2,s")
    with pytest.raises(InvalidManifest, match=r"Row 3 .*'FRACTURE'.*COVID19, NORMAL, PNEUMONIA"):
        read_manifest(file, CLASSES)


@pytest.mark.parametrize(
    ("header", "lines"), [("file,class", ["a.png,NORMAL"]), ("path,label", []), ("path", ["a.png"])]
)
def test_a_manifest_without_its_columns_or_rows(tmp_path, header, lines):
    with pytest.raises(InvalidManifest, match="columns path and label"):
        read_manifest(manifest(tmp_path, *lines, header=header), CLASSES)


def test_a_missing_manifest_and_an_empty_folder(tmp_path):
    with pytest.raises(InvalidManifest, match="No such file"):
        read_manifest(tmp_path / "none.csv", CLASSES)
    with pytest.raises(InvalidManifest, match="folders named COVID19"):
        read_data(tmp_path, CLASSES)


def test_a_name_that_denies_a_label_does_not_count_as_it(tmp_path):
    for name in ("COVID-19 negative", "pneumonia ruled out", "NORMAL, not pneumonia"):
        assert CLASSES.label_of(name) is None
        with pytest.raises(InvalidManifest, match="Row 2"):
            read_manifest(manifest(tmp_path, f'a.png,"{name}",test,p,s'), CLASSES)
    two = Classes(("COVID_POSITIVE", "COVID_NEGATIVE"))
    assert two.label_of("covid negative") == "COVID_NEGATIVE"


def test_ignored_names_are_left_out_of_a_manifest(tmp_path):
    file = manifest(tmp_path, "a.png,PNEUMONIA,test,p,s", "b.png,PNEUMONIA_VIRAL,test,q,s")
    classes = Classes(("NORMAL", "PNEUMONIA_VIRAL"), ("PNEUMONIA",))
    assert [sample.path.name for sample in read_manifest(file, classes)] == ["b.png"]


def test_the_training_data(training_data):
    samples = read_data(training_data, CLASSES)

    assert all(sample.path.is_file() for sample in samples)
    assert all(sample.lung_mask.is_file() for sample in samples if sample.lung_mask)
    assert {sample.split for sample in samples} == {"train", "val", "test"}


@pytest.mark.parametrize(
    ("folder", "named"),
    [
        ("train/Fracture", "'Fracture' is none"),
        ("validation/NORMAL", "'validation' is none"),
        ("", "'the folder above it' is none"),
    ],
)
def test_an_image_in_no_folder_of_a_class_is_named(tmp_path, folder, named):
    toy_folders(tmp_path, each=1)
    (tmp_path / folder).mkdir(exist_ok=True, parents=True)
    (tmp_path / folder / "b.png").touch()
    with pytest.raises(InvalidManifest, match=rf"b\.png .*{named}.*COVID19, NORMAL, PNEUMONIA"):
        read_data(tmp_path, CLASSES)


def test_an_unknown_split_is_named_with_its_row(tmp_path):
    file = manifest(tmp_path, "a.png,NORMAL,test,p1,s", "b.png,NORMAL,tset,p2,s")
    with pytest.raises(InvalidManifest, match=r"Row 3 .*'tset'.*'split'.*train, val, test"):
        read_manifest(file, CLASSES)


ARTICLE = Choice("article", ("PNEUMONIA_VIRAL",))


def test_another_column_chooses_its_images_and_splits_them(tmp_path):
    rows = [f"{n}.png,NORMAL,test,{n},s,train" for n in range(10)]
    rows += ["a.png,COVID19,train,a,s,test", "b.png,COVID19,train,b,s,"]
    rows += ["c.png,PNEUMONIA_VIRAL,train,c,s,train", "d.png,PNEUMONIA_BACTERIAL,val,d,s,train"]
    manifest(tmp_path, *rows, header="path,label,split,patient,source,article")
    samples = read_data(tmp_path, CLASSES, ARTICLE)

    assert len(samples) == 12
    assert {s.path.name for s in of_split(samples, "test")} == {"a.png"}
    assert [s.label for s in of_split(samples, "val")] == ["NORMAL"] * 2
    assert {s.path.name: s.split for s in samples}["d.png"] == "train"  # its only patient stays
    assert samples == read_data(tmp_path, CLASSES, ARTICLE)

    everything = read_data(tmp_path, CLASSES)
    left = unseen(of_split(everything, "test"), samples)
    assert not left  # each of these ten was trained or chosen on
    with pytest.raises(InvalidManifest, match=r"no column 'small'.*--all-data"):
        read_data(tmp_path, CLASSES, Choice("small"))


def test_the_articles_folders_without_val(tmp_path):
    toy_folders(tmp_path, each=5)
    shutil.rmtree(tmp_path / "val")
    samples = read_data(tmp_path, CLASSES)

    assert Counter(s.split for s in samples) == {"train": 12, "val": 3, "test": 15}


def test_the_articles_own_small_data(training_data):
    """60/9 COVID-19, 70/9 normal, 70/9 bacterial and 70/9 viral pneumonia."""
    three = read_data(training_data, CLASSES, ARTICLE)
    assert Counter(s.label for s in of_split(three, "test")) == dict.fromkeys(LABELS, 9)
    assert len(three) == 60 + 70 + 70 + 27
    assert len(of_split(three, "val")) == pytest.approx(40, abs=2)

    labels = ("COVID19", "NORMAL", "PNEUMONIA_BACTERIAL", "PNEUMONIA_VIRAL")
    four = read_data(training_data, Classes(labels), Choice("article"))
    assert Counter(s.label for s in of_split(four, "test")) == dict.fromkeys(labels, 9)
    assert len(four) == 270 + 36


def test_a_manifest_as_spreadsheets_write_it(tmp_path):
    """`CSV UTF-8` of Excel begins with a mark; its other CSV is in the alphabet of the machine."""
    file = tmp_path / "manifest.csv"
    file.write_text("path,label,source\na.png,normal,Köln\n", encoding="utf-8-sig")
    (sample,) = read_manifest(file, CLASSES)
    assert (sample.label, sample.source) == ("NORMAL", "Köln")
    assert has_column(tmp_path, "path")
    file.write_text("path,label,source\na.png,normal,Köln\n", encoding="latin-1")
    with pytest.raises(InvalidManifest, match="CSV UTF-8"):
        read_manifest(file, CLASSES)


@pytest.mark.parametrize("line", ["NORMAL", "NORMAL,", ",b.png"])
def test_a_row_that_was_cut_off_is_named(tmp_path, line):
    file = manifest(tmp_path, "NORMAL,a.png", "", line, header="label,path")
    with pytest.raises(InvalidManifest, match="Row 4 of"):
        read_manifest(file, CLASSES)
    (tmp_path / "unsure.csv").write_text(
        "label,path,split,patient,source\nATYPICAL,a.png,train,p,s\nATYPICAL\n"
    )
    with pytest.raises(InvalidManifest, match=r"Row 3 of .*unsure\.csv"):
        read_unsure(tmp_path)


def test_an_image_of_two_labels_is_named(tmp_path):
    file = manifest(tmp_path, "a.png,NORMAL", "./a.png,PNEUMONIA", header="path,label")
    with pytest.raises(InvalidManifest, match=r"a\.png both NORMAL and PNEUMONIA"):
        read_manifest(file, CLASSES)


def test_what_is_hidden_or_no_file_is_no_image(tmp_path):
    """As macOS leaves `._a.png` on drives of others."""
    (tmp_path / "NORMAL" / "folder.png").mkdir(parents=True)
    for name in ("a.png", "._a.png"):
        (tmp_path / "NORMAL" / name).write_bytes(b"")
    assert [sample.path.name for sample in read_folders(tmp_path, CLASSES)] == ["a.png"]


def test_to_measure_nothing_becomes_val(tmp_path):
    toy_folders(tmp_path / "a", each=5)
    shutil.rmtree(tmp_path / "a" / "val")
    of_folders = read_to_measure(tmp_path / "a", CLASSES)
    assert Counter(sample.split for sample in of_folders) == {"train": 15, "test": 15}
    unsplit = read_to_measure(tmp_path / "a" / "train", CLASSES)
    assert {sample.split for sample in unsplit} == {"test"}
