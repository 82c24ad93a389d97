"""Windows: DICOM's rules to the digit, and windows that are found."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickmask.core.errors import InputError
from clickmask.core.window import FUNCTIONS, LINEAR_EXACT, PRESETS, SIGMOID, Window, percentile_window, window_of

VALUES = np.array([-160, -159, -100, 39, 40, 41, 239, 240])


def test_the_golden_values_of_pydicom():
    linear = Window(40, 400).fractions(VALUES) * 255
    np.testing.assert_allclose(linear, [0, 0.64, 38.35, 127.18, 127.82, 128.46, 255, 255], atol=0.005)
    exact = Window(40, 400, LINEAR_EXACT).fractions(VALUES) * 255
    np.testing.assert_allclose(exact, [0, 0.64, 38.25, 126.86, 127.50, 128.14, 254.36, 255], atol=0.005)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_as_pydicom_does(function):
    pydicom = pytest.importorskip("pydicom")
    data = pydicom.Dataset()
    data.WindowCenter, data.WindowWidth, data.VOILUTFunction = 40, 401, function.upper()
    data.PhotometricInterpretation, data.BitsStored, data.PixelRepresentation = "MONOCHROME2", 16, 1
    values = np.arange(-400, 500, dtype=np.int16)
    wanted = pydicom.pixels.apply_windowing(values, data).astype(np.float64)
    ours = Window(40, 401, function).fractions(values)
    np.testing.assert_allclose(ours, (wanted + 2**15) / (2**16 - 1), atol=2e-4)


def test_a_window_of_one_value_is_a_step():
    assert Window(10, 1).apply(np.array([9, 9.5, 9.6, 10])).tolist() == [0, 0, 255, 255]


def test_inverted_and_not_a_number():
    values = np.array([0.0, np.nan, 10.0])
    assert Window.of_range(0, 10).apply(values).tolist() == [0, 0, 255]
    assert Window.of_range(0, 10).apply(values, inverted=True).tolist() == [255, 255, 0]


@given(st.floats(-1e6, 1e6), st.floats(1, 1e6), st.sampled_from(FUNCTIONS))
def test_brightness_never_falls_and_stays_in_range(center, width, function):
    values = np.linspace(center - 2 * width, center + 2 * width, 101)
    bright = Window(center, width, function).fractions(values)
    assert bright.min() >= 0
    assert bright.max() <= 1
    assert (np.diff(bright) >= 0).all()


@pytest.mark.parametrize(
    "arguments", [(0, 0), (0, 0.5), (0, -1), (float("nan"), 5), (0, float("inf")), (0, 5, "cubic")]
)
def test_windows_that_make_no_sense(arguments):
    with pytest.raises(InputError):
        Window(*arguments)


def test_of_range_and_back():
    assert Window.of_range(-3, 9).range == (-3, 9)
    assert Window.of_range(5, 5).width == 1
    assert Window(40, 400).range == (-160, 239)


def test_percentiles_leave_out_outliers_and_infinities():
    values = np.concatenate([np.linspace(0, 100, 1000), [1e9, np.inf, np.nan]])
    low, high = percentile_window(values).range
    assert 0 <= low < 2
    assert 98 < high <= 101
    assert percentile_window(np.array([7, 7, 7])).range == (6.5, 7.5)
    assert percentile_window(np.array([0] * 999 + [5])).range == (0, 5)
    assert percentile_window(np.array([np.nan])).range == (0, 1)


def test_windows_by_name():
    values, own = np.arange(100), Window(1, 2)
    assert window_of("auto", values, own) == own
    assert window_of("auto", values) == percentile_window(values)
    assert window_of("Full", values, own).range == (0, 99)
    assert window_of("lung", values) == PRESETS["lung"]
    assert window_of("40, 400", values) == Window(40, 400)
    for wrong in ("liverwurst", "40", "1,2,3", "40,0"):
        with pytest.raises(InputError):
            window_of(wrong, values)


def test_a_sigmoid_does_not_overflow():
    assert Window(0, 1, SIGMOID).fractions(np.array([-1e30, 0, 1e30])).tolist() == pytest.approx([0, 0.5, 1])
