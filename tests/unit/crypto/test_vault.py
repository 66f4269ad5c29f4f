"""Sealed values open only with their key, in their place, unchanged; blind indexes survive a rotation."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.crypto import SealedValueError, Vault

OLD, NEW = b"o" * 32, b"n" * 32
vault = Vault({"k1": OLD}, "k1")
rotated = Vault({"k1": OLD, "k2": NEW}, "k2")


@given(st.text())
def test_what_is_sealed_opens_to_itself(text: str) -> None:
    assert vault.open(vault.seal(text, context="applications.phone"), context="applications.phone") == text


def test_sealing_twice_gives_two_values_that_do_not_show_the_text() -> None:
    first, second = (vault.seal("330106199001011234", context="a.b") for _ in range(2))
    assert first != second
    assert first.startswith("A256GCM.k1.")
    assert "330106" not in first


def test_a_value_does_not_open_in_another_place() -> None:
    sealed = vault.seal("13812345678", context="applications.phone")
    with pytest.raises(SealedValueError, match="does not open"):
        vault.open(sealed, context="applications.mail")


@given(st.integers(min_value=0))
def test_no_changed_byte_passes(position: int) -> None:
    prefix, _, encoded = vault.seal("浙江省杭州市", context="a.b").rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(encoded))
    raw[position % len(raw)] ^= 1
    with pytest.raises(SealedValueError):
        vault.open(f"{prefix}.{base64.urlsafe_b64encode(bytes(raw)).decode()}", context="a.b")


@pytest.mark.parametrize("garbage", ["", "x", "A256GCM.k1.", "A256GCM.k1.!!!", "A256GCM.k9.AAAA", "SM4GCM.k1.AAAA"])
def test_garbage_is_refused_with_one_error(garbage: str) -> None:
    with pytest.raises(SealedValueError):
        vault.open(garbage, context="a.b")


def test_after_a_rotation_old_values_open_and_new_ones_use_the_new_key() -> None:
    old = vault.seal("张三", context="a.b")
    assert rotated.open(old, context="a.b") == "张三"
    assert not rotated.is_current(old)
    new = rotated.seal("张三", context="a.b")
    assert rotated.is_current(new)
    with pytest.raises(SealedValueError):
        vault.open(new, context="a.b")


def test_a_blind_index_is_equal_for_equal_values_and_stable_across_rotations() -> None:
    assert vault.blind("330106199001011234", purpose="id") == rotated.blind("330106199001011234", purpose="id")
    assert vault.blind("330106199001011234", purpose="id") != vault.blind("330106199001011235", purpose="id")
    assert vault.blind("330106199001011234", purpose="id") != vault.blind("330106199001011234", purpose="phone")
    assert vault.blind("x", purpose="id") != Vault({"k1": NEW}, "k1").blind("x", purpose="id")


def test_keys_are_read_from_a_setting_oldest_first() -> None:
    setting = ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in (("k1", OLD), ("k2", NEW)))
    read = Vault.parse(setting)
    assert read.seal("x", context="a").startswith("A256GCM.k2.")
    assert read.blind("x", purpose="p") == vault.blind("x", purpose="p")


@pytest.mark.parametrize("setting", ["", "k1", "k1:short", "k1:QUJD", "k 1:" + base64.b64encode(OLD).decode()])
def test_a_bad_setting_is_refused_without_showing_the_key(setting: str) -> None:
    with pytest.raises(ValueError, match="key") as refusal:
        Vault.parse(setting)
    assert "QUJD" not in str(refusal.value)
