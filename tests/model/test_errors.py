import pytest

from model import errors

REJECTIONS = [*errors.Rejection.__subclasses__(), *errors.NotAChestXray.__subclasses__()]


def test_every_reason_has_a_code_of_its_own():
    codes = {rejection.__name__: rejection.code for rejection in REJECTIONS}

    assert codes == {
        "UnreadableImage": "unreadable",
        "UnsupportedFormat": "unsupported_format",
        "ImageTooSmall": "too_small",
        "ImageTooLarge": "too_large",
        "BlankImage": "blank",
        "NotAChestXray": "not_a_chest_xray",
        "LateralXray": "lateral",
        "RotatedXray": "rotated",
    }


@pytest.mark.parametrize("rejection", REJECTIONS)
def test_a_rejection_carries_its_sentence(rejection):
    raised = rejection("The file is empty. Send it again.")

    assert isinstance(raised, errors.ModelError)
    assert raised.message == str(raised) == "The file is empty. Send it again."


def test_a_missing_model_is_no_result_about_an_image():
    assert not issubclass(errors.ArtifactMissing, errors.Rejection)
    assert not issubclass(errors.ArtifactMismatch, errors.Rejection)
