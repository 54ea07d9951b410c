from gendyn.core import canonical, digest


def test_equal_values_have_equal_digests_and_others_do_not():
    value = {"b": [1, 2.5, "ä"], "a": {"nested": (True, None)}}
    assert canonical(value) == '{"a":{"nested":[true,null]},"b":[1,2.5,"\\u00e4"]}'
    assert digest(value) == digest({"a": {"nested": [True, None]}, "b": (1, 2.5, "ä")})
    assert len({digest(v) for v in (1, 1.0, "1", [1], True, None, {"1": 1}, {"1": 1.0})}) == 8


def test_digests_are_those_of_every_folder_there_is():
    """Run identities and plans are named by them."""
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert digest([["seed", 0]])[:16] == "072cc391d59d81e4"
