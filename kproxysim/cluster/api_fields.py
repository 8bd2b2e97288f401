"""Fields that the Kubernetes API has, or had, and that the models leave out since no rule depends on them.

By name of the model. Sources: the types of k8s.io/api core/v1, discovery/v1 and discovery/v1beta1,
k8s.io/apimachinery meta/v1 and k8s.io/kube-proxy config/v1alpha1, kubernetes 1.16 to 1.36: stored objects
keep what earlier versions wrote.
"""

from __future__ import annotations

__all__ = ["NOT_READ"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OBJECT = _words("apiVersion kind")
_META = _words(
    """clusterName creationTimestamp deletionGracePeriodSeconds deletionTimestamp finalizers generateName
    generation initializers managedFields ownerReferences resourceVersion selfLink"""
)

NOT_READ: dict[str, frozenset[str]] = {
    "ObjectMeta": _META,
    "NodeMeta": _META,
    "Node": _OBJECT,
    "NodeSpec": _words("configSource externalID taints unschedulable"),
    "NodeStatus": _words(
        """allocatable capacity conditions config daemonEndpoints declaredFeatures features images nodeInfo
        phase runtimeHandlers volumesAttached volumesInUse"""
    ),
    "Service": _OBJECT,
    "ServiceSpec": _words("deprecatedPublicIPs ipFamily portalIP topologyKeys"),
    "ServiceStatus": _words("conditions"),
    "LoadBalancerIngress": _words("ports"),
    "EndpointSlice": _OBJECT,
    "EndpointPort": _words("appProtocol"),
    "Endpoint": _words("deprecatedTopology topology"),
    "TargetRef": _words("apiVersion fieldPath resourceVersion uid"),
    "KubeProxyConfiguration": _OBJECT
    | _words(
        """bindAddressHardFail clientConnection configSyncPeriod enableProfiling healthzBindAddress ipvs
        logging metricsBindAddress nftables oomScoreAdj portRange resourceContainer
        showHiddenMetricsForVersion udpIdleTimeout windowsRunAsService winkernel"""
    ),
    "ConntrackConfiguration": _words("max"),
}
