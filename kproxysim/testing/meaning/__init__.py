"""What Services mean, computed from the objects alone: no rule is read here, and no rule is written.

The laws compare what packets do with this. It follows the documentation of Services, and where that is silent
kube-proxy's own decisions, in plain functions of the models; it shares no code with `kproxysim.kubeproxy` and
`kproxysim.netfilter`, so that a mistake there is not made here as well.
"""
