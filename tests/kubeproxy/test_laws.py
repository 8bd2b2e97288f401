"""Laws that hold for every cluster, version and setting."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from kproxysim.cluster import Cluster, KubeProxyConfiguration, NodeFacts
from kproxysim.kubeproxy import Proxier, compile_rules
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from tests.kubeproxy.dumps import lint
from tests.kubeproxy.restore_text import comparable_restore
from tests.kubeproxy.strategies import clusters, configurations, facts, families, versions

# A cluster is much for one example; what goes wrong with it goes wrong early. The search profile draws more.
few = settings(max_examples=500 if settings.get_current_profile_name() == "search" else 30)


class TestText:
    @few
    @given(clusters(), versions, families, configurations, facts, st.randoms(use_true_random=False))
    def test_the_order_of_objects_means_nothing(
        self,
        cluster: Cluster,
        version: str,
        family: Family,
        config: KubeProxyConfiguration,
        known: NodeFacts,
        dice: Random,
    ) -> None:
        """What is written does not depend on the order in which objects are given, nor on anything else."""
        shuffled = Cluster(
            dice.sample(cluster.nodes, len(cluster.nodes)),
            dice.sample(cluster.services, len(cluster.services)),
            dice.sample(cluster.endpoint_slices, len(cluster.endpoint_slices)),
        )
        texts = {
            compile_rules(one, "n1", family, version, config, known).to_restore()
            for one in (cluster, cluster, shuffled)
        }
        assert len(texts) == 1

    @few
    @given(clusters(), versions, families, configurations, facts)
    def test_every_jump_leads_somewhere(
        self,
        cluster: Cluster,
        version: str,
        family: Family,
        config: KubeProxyConfiguration,
        known: NodeFacts,
    ) -> None:
        """kube-proxy's own check: chains that are jumped to are declared and have rules, others have no jumps.

        With gate AllowServiceExternalIPs off it would not hold, and does not for the real one.
        """
        lines = compile_rules(cluster, "n1", family, version, config, known).to_restore().split("\n")
        fault = lint(lines)
        assert fault is None or (fault.error == "created_but_unused" and version in ("1.25", "1.26")), fault
        assert comparable_restore([line for line in lines if line])


class TestTables:
    @few
    @given(clusters(), versions, families, configurations, facts)
    def test_saved_text_reads_back(
        self,
        cluster: Cluster,
        version: str,
        family: Family,
        config: KubeProxyConfiguration,
        known: NodeFacts,
    ) -> None:
        """Reading back what is saved or restored gives the tables again."""
        ruleset = compile_rules(cluster, "n1", family, version, config, known)
        assert Ruleset.from_save(ruleset.to_save(), family) == ruleset
        written = Ruleset(family)
        written.apply(Proxier(cluster, "n1", family, version, config=config, facts=known).sync().script)
        assert Ruleset.from_save(ruleset.to_restore(), family) == written

    @few
    @given(clusters(), clusters(), versions, families)
    def test_partial_syncs_end_where_a_full_one_does(
        self, first: Cluster, second: Cluster, version: str, family: Family
    ) -> None:
        """However a cluster came to be as it is: the tables are those of a kube-proxy that starts now."""
        proxier = Proxier(first, "n1", family, version)
        tables = Ruleset(family)
        tables.apply(proxier.sync().script)
        for service in first.services:
            proxier.delete(service)
        for endpoint_slice in first.endpoint_slices:
            proxier.delete(endpoint_slice)
        for service in second.services:
            proxier.apply(service)
        for endpoint_slice in second.endpoint_slices:
            proxier.apply(endpoint_slice)
        tables.apply(proxier.sync().script)
        fresh = Ruleset(family)
        fresh.apply(Proxier(second, "n1", family, version).sync().script)
        assert tables == fresh
