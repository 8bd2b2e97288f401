"""Chains under shorter names: never two under one."""

from hypothesis import given
from hypothesis import strategies as st

from kproxysim.report.names import role_of, short_names

letters = st.sampled_from("AB2")
hashes = st.text(letters, min_size=16, max_size=16)
roles = st.sampled_from(["KUBE-SVC", "KUBE-SEP", "KUBE-EXT", "KUBE-FW", "KUBE-SVL"])
chains = st.one_of(
    st.builds("{}-{}".format, roles, hashes),
    st.sampled_from(["KUBE-SERVICES", "PREROUTING", "KUBE-SVC-AAAA..", "cali-fw-cali1234", "DOCKER"]),
)


class TestShortNames:
    @given(names=st.lists(chains, max_size=30))
    def test_no_two_chains_share_one(self, names: list[str]) -> None:
        short = short_names(names)
        assert len(set(short.values())) == len(set(names))

    @given(names=st.lists(chains, max_size=30))
    def test_are_beginnings_of_the_names(self, names: list[str]) -> None:
        for name, form in short_names(names).items():
            assert name == form or (name.startswith(form.removesuffix("..")) and len(form) < len(name))

    def test_four_letters_do_where_they_can(self) -> None:
        names = ["KUBE-SVC-JNAUE2DZ25YGAW2B", "KUBE-EXT-JNAUE2DZ25YGAW2B", "KUBE-SERVICES"]
        assert short_names(names) == {
            "KUBE-SVC-JNAUE2DZ25YGAW2B": "KUBE-SVC-JNAU..",
            "KUBE-EXT-JNAUE2DZ25YGAW2B": "KUBE-EXT-JNAU..",
            "KUBE-SERVICES": "KUBE-SERVICES",
        }

    def test_more_letters_where_four_are_not_enough(self) -> None:
        names = ["KUBE-SEP-JNAUE2DZ25YGAW2B", "KUBE-SEP-JNAUX2DZ25YGAW2B"]
        assert sorted(short_names(names).values()) == ["KUBE-SEP-JNAUE..", "KUBE-SEP-JNAUX.."]


class TestRoles:
    def test_are_names_without_the_hash(self) -> None:
        assert role_of("KUBE-EXT-JNAUE2DZ25YGAW2B") == "KUBE-EXT"
        assert role_of("KUBE-MARK-MASQ") == "KUBE-MARK-MASQ"
        assert role_of("KUBE-SVC-short") == "KUBE-SVC-short"
