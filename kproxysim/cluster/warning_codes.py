"""The words behind the warnings and notes of this room; `kproxysim.cluster.codes` has them all."""

from __future__ import annotations

from kproxysim.codes import Explanation

__all__ = ["NOTES", "WARNINGS"]

WARNINGS = (
    Explanation(
        "KPS201",
        "a node port is claimed twice",
        "Node ports and health check ports come from one pool for the whole cluster, and the API "
        "server gives each to one Service; only the ports of one Service may share a number, with "
        "different protocols. kube-proxy writes rules for all who claim it. If the protocol is the "
        "same too, whichever rule comes first wins, and the order can change with each "
        "synchronisation.",
        "two Services with nodePort: 30080",
    ),
    Explanation(
        "KPS202",
        "a ClusterIP Service has a nodePort",
        "The API server refuses it today, and removes the number when a Service changes its type. "
        "kube-proxy does not look at the type: it opens the port on every node.",
        "type: ClusterIP\nports:\n  - {port: 80, nodePort: 30080}",
    ),
    Explanation(
        "KPS203",
        "an address in an old spelling",
        "Leading zeros (010.0.0.1) are octal to some programs and decimal to others; kube-proxy reads "
        "them as decimal. An IPv4-mapped address (::ffff:10.0.0.1) is IPv6 to some and IPv4 to "
        "others; to kube-proxy it is IPv4. Both were accepted once and are still stored here and "
        "there. The API server refuses them now. Up to 1.29 kube-proxy writes the address into its "
        "rules as it was typed, where iptables may read it otherwise.",
        "externalIPs: [010.128.0.12]       # 10.128.0.12",
    ),
    Explanation(
        "KPS204",
        "a prefix in an old spelling",
        "Leading zeros, an IPv4-mapped address, or bits set behind the prefix length: 10.128.0.7/20 "
        "may be meant as the network 10.128.0.0/20 or as the one address. kube-proxy takes the "
        "network.",
        "loadBalancerSourceRanges: [10.128.0.7/20]      # 10.128.0.0/20 or 10.128.0.7/32",
    ),
    Explanation(
        "KPS205",
        "two ports of a Service have one name",
        "EndpointSlices name the ports that they serve, so the name must tell them apart. To "
        "kube-proxy a port is namespace, Service, name and protocol: of two that are the same in all, "
        "the last one holds.",
        "ports:\n  - {name: http, port: 80}\n  - {name: http, port: 8080}",
    ),
    Explanation(
        "KPS206",
        "a port without a name beside others",
        "A Service with one port may leave its name out, one with several must not: EndpointSlices "
        "tell them apart by name.",
        "ports:\n  - {port: 80}\n  - {port: 443}",
    ),
    Explanation(
        "KPS207",
        "a port and protocol twice in one Service",
        "Both would match the same packets, so the rules of the second would never be reached.",
        "ports:\n  - {name: a, port: 80}\n  - {name: b, port: 80}",
    ),
    Explanation(
        "KPS208",
        "cluster IPs and families do not fit together",
        "clusterIP is the first of clusterIPs; there are at most two, one a family, in the order of "
        "ipFamilies; None stands alone. kube-proxy takes the address whose place in the list is that "
        "of its family in ipFamilies, without looking at the address.",
        "clusterIPs: [fd00::10]\nipFamilies: [IPv4]",
    ),
    Explanation(
        "KPS209",
        "externalTrafficPolicy on a Service that is not external",
        "It is for the types NodePort and LoadBalancer, and for ClusterIP with externalIPs. Elsewhere "
        "there is no traffic that it could speak of.",
        "type: ClusterIP\nexternalTrafficPolicy: Local",
    ),
    Explanation(
        "KPS210",
        "healthCheckNodePort where there is no health check",
        "Only a LoadBalancer Service with externalTrafficPolicy Local has one: its load balancer asks "
        "each node whether it has a local endpoint.",
        "type: NodePort\nhealthCheckNodePort: 32000",
    ),
    Explanation(
        "KPS211",
        "an address that an endpoint or an external IP can't be",
        "Unspecified, loopback, link-local and link-local multicast addresses mean something else on "
        "each host, so the API server refuses them. kube-proxy would write rules for them; an "
        "external IP of 127.0.0.1 would take over a port of the node itself.",
        "externalIPs: [127.0.0.1]",
    ),
    Explanation(
        "KPS212",
        "a load balancer's field on another type",
        "loadBalancerSourceRanges, loadBalancerClass and allocateLoadBalancerNodePorts are for type "
        "LoadBalancer. kube-proxy does not look at the type: it applies source ranges to whatever "
        "addresses the status names.",
        "type: NodePort\nloadBalancerSourceRanges: [192.0.2.0/24]",
    ),
    Explanation(
        "KPS213",
        "an affinity timeout out of range",
        "With sessionAffinity ClientIP, a client stays with its endpoint for 1 to 86400 seconds after "
        "its last new connection; the default is 10800.",
        "sessionAffinityConfig: {clientIP: {timeoutSeconds: 100000}}",
    ),
    Explanation(
        "KPS214",
        "an ExternalName Service with fields of the others, or without a name",
        "ExternalName is a CNAME in DNS: it has an externalName, and neither cluster IPs nor "
        "families. kube-proxy passes it over.",
        "type: ExternalName\nclusterIP: 10.96.0.10",
    ),
    Explanation(
        "KPS215",
        "a headless Service of another type than ClusterIP",
        "A Service without a cluster IP has no node ports and no load balancer: kube-proxy passes it "
        "over whatever its type says.",
        "type: NodePort\nclusterIP: None",
    ),
    Explanation(
        "KPS216",
        "a Service without ports",
        "Only headless Services may have none. kube-proxy writes rules for ports, so there are none "
        "for this one.",
        "spec: {clusterIP: 10.96.0.10}",
    ),
    Explanation(
        "KPS217",
        "a name that the API server would not take",
        "Most names are DNS labels or DNS names: small letters, digits and `-`, at most 63 characters "
        "(253 with dots). Service names begin with a letter. kube-proxy hashes whatever name there is "
        "into the names of its chains.",
        "metadata:\n  name: Web_1       # web-1",
    ),
    Explanation(
        "KPS218",
        "an EndpointSlice of a size that can't be",
        "A slice has at most 1000 endpoints and 20000 ports, an endpoint 1 to 100 addresses. "
        "kube-proxy uses the first address alone, and passes an endpoint without one over.",
        "endpoints:\n  - {addresses: []}",
    ),
    Explanation(
        "KPS219",
        "an address of another type than its EndpointSlice",
        "addressType speaks for all addresses of a slice. kube-proxy up to 1.32 told the families "
        "apart by the addresses, later ones by addressType.",
        "addressType: IPv4\nendpoints:\n  - {addresses: ['fd00::7']}",
    ),
    Explanation(
        "KPS220",
        "two ports of an EndpointSlice have one name",
        "The name is what joins a slice's port to the Service's port.",
        "ports:\n  - {name: http, port: 8080}\n  - {name: http, port: 9090}",
    ),
    Explanation(
        "KPS221",
        "a node with several pod CIDRs of one family",
        "A node has one pod CIDR, or one of each family. With detectLocalMode NodeCIDR kube-proxy "
        "takes the first of its family.",
        "podCIDRs: [10.44.0.0/24, 10.44.1.0/24]",
    ),
    Explanation(
        "KPS222",
        "a node's address stands twice",
        "The same type and address more than once in Node.status.addresses: no update of this Node "
        "would be accepted.",
        "addresses:\n"
        "  - {type: InternalIP, address: 10.128.0.2}\n"
        "  - {type: InternalIP, address: 10.128.0.2}",
    ),
    Explanation(
        "KPS223",
        "a load balancer's status that can't be",
        "status.loadBalancer.ingress belongs to type LoadBalancer; ipMode says something about ip "
        "alone; a host name is a DNS name and no address. kube-proxy does not look at the type: it "
        "writes rules for the addresses.",
        "type: ClusterIP\nstatus: {loadBalancer: {ingress: [{ip: 203.0.113.10}]}}",
    ),
    Explanation(
        "KPS224",
        "kubelet's port on a load balancer",
        "Some clouds open a load balancer's ports on the nodes too, so the API server keeps 10250 for "
        "kubelet.",
        "type: LoadBalancer\nports:\n  - {port: 10250}",
    ),
    Explanation(
        "KPS225",
        "too many hints, or one twice",
        "An endpoint names at most 8 zones and 8 nodes that it should serve, each once.",
        "hints: {forZones: [{name: zone-a}, {name: zone-a}]}",
    ),
    Explanation(
        "KPS226",
        "a manifest as it was written, not as the API server stores it",
        "The API server picks a clusterIP, nodePorts and a healthCheckNodePort where a manifest "
        "leaves them out. kube-proxy sees what is stored. Here nobody picks them, so that no rule "
        "speaks of a number that your cluster does not have: take the manifests from `kubectl get -o "
        "yaml`, or write the numbers down.",
        "type: NodePort\nports:\n  - {port: 80}          # nodePort: 30080",
    ),
    Explanation(
        "KPS227",
        "a trafficDistribution that is not known",
        "PreferClose is known from 1.30 on, PreferSameZone and PreferSameNode from 1.33 on. "
        "kube-proxy never reads the field: the EndpointSlice controller turns it into hints.",
        "trafficDistribution: PreferLocal",
    ),
    Explanation(
        "KPS228",
        "two annotations for topology-aware routing that differ",
        "service.kubernetes.io/topology-mode replaced service.kubernetes.io/topology-aware-hints. "
        "Where both are set they must say the same; kube-proxy up to 1.30 looks at the older one "
        "first.",
        "service.kubernetes.io/topology-mode: Auto\nservice.kubernetes.io/topology-aware-hints: Disabled",
    ),
    Explanation(
        "KPS229",
        "a cluster IP is claimed twice",
        "The API server gives each cluster IP to one Service. kube-proxy writes rules for both: where "
        "port and protocol are the same too, whichever rule comes first wins.",
        "two Services with clusterIP: 10.96.0.10",
    ),
    Explanation(
        "KPS230",
        "a targetPort that names no port",
        "Container ports have names of at most 15 small letters, digits and single `-`, with at least "
        "one letter. kube-proxy never reads targetPort: the number is in the EndpointSlice.",
        "targetPort: http_port",
    ),
    Explanation(
        "KPS231",
        "an EndpointSlice of an API that is gone",
        "discovery.k8s.io/v1beta1 is not served since Kubernetes 1.25. The slice is read as the API "
        "server would have converted it: the zone comes out of the endpoint's topology.",
        "apiVersion: discovery.k8s.io/v1beta1",
    ),
    Explanation(
        "KPS232",
        "a setting that kube-proxy does not know",
        "kube-proxy logs unknown fields and starts all the same, without them; most are spelling "
        "mistakes. Mind capital letters: clusterCIDR, localhostNodePorts.",
        "iptables:\n  masquradeAll: true       # did you mean iptables.masqueradeAll?",
    ),
    Explanation(
        "KPS233",
        "a field that Kubernetes does not know, spelled nearly like one that it does",
        "The API server passes it over or refuses the object, as it is told to, and the field that was meant "
        "keeps its default. Mind capital letters: externalIPs, clusterIP, nodePort, podCIDR. Unknown fields "
        "that look like none that is known are passed over here, and named with -v: a newer Kubernetes may "
        "have them.",
        "spec:\n  externalIps: [10.128.0.12]       # did you mean spec.externalIPs?",
    ),
    Explanation(
        "KPS234",
        "a sysctl that is not read, spelled nearly like one that is",
        "The setting that was meant keeps the value that a node usually has. Names are those of the kernel, "
        "with dots or slashes, and whole: net.ipv4.conf.all.rp_filter.",
        "sysctls: {net.ipv4.conf.all.rpfilter: 1}       # did you mean net.ipv4.conf.all.rp_filter?",
    ),
    Explanation(
        "KPS235",
        "two pods have one address",
        "Pods have addresses of their own, unless they are on their node's network. Where an address was "
        "given out again, a slice still names the pod that had it before; else one of the two is a slip. The "
        "pod that comes first by name gets what is sent there, and answers to the other come to nothing.",
        "endpoints:\n- {addresses: [10.44.0.5], targetRef: {kind: Pod, name: echo-1}}\n"
        "- {addresses: [10.44.0.5], targetRef: {kind: Pod, name: echo-2}}",
    ),
)
"""What the API server would refuse today, though stored objects may have it and kube-proxy acts on it."""

NOTES = (
    Explanation(
        "KPS301",
        "an EndpointSlice without its Service",
        "The label kubernetes.io/service-name names a Service that is not in the input, in the "
        "slice's own namespace. No rule comes of it. Was the Service left out of the dump?",
        "metadata:\n  labels: {kubernetes.io/service-name: web}      # there is no Service web",
    ),
    Explanation(
        "KPS302",
        "an EndpointSlice that names no Service",
        "Without the label kubernetes.io/service-name nothing tells whose endpoints these are.",
        "metadata: {name: web-1}",
    ),
    Explanation(
        "KPS303",
        "an address of a family that the Service does not have",
        "kube-proxy keeps IPv4 and IPv6 apart: a Service without an IPv6 cluster IP has no IPv6 "
        "rules, so its IPv6 external IPs, load-balancer addresses and source ranges have no effect.",
        "clusterIP: 10.96.0.10\nexternalIPs: ['2001:db8::7']",
    ),
    Explanation(
        "KPS304",
        "an EndpointSlice of host names",
        "kube-proxy serves IPv4 and IPv6 addresses; slices of type FQDN are for others.",
        "addressType: FQDN",
    ),
    Explanation(
        "KPS305",
        "a Service that kube-proxy passes over",
        "Headless and ExternalName Services are for DNS alone. A Service with the label "
        "service.kubernetes.io/service-proxy-name is left to another proxy.",
        "clusterIP: None",
    ),
    Explanation(
        "KPS306",
        "an EndpointSlice of a headless Service",
        "Slices with the label service.kubernetes.io/headless are left out of what kube-proxy watches.",
        'metadata:\n  labels: {service.kubernetes.io/headless: ""}',
    ),
    Explanation(
        "KPS307",
        "Endpoints are passed over",
        "kube-proxy reads EndpointSlices. The older Endpoints objects are kept for other programs; "
        "the controllers write both, and kube-proxy looks at one.",
        "kubectl get endpointslices -A -o yaml       # not endpoints",
    ),
    Explanation(
        "KPS308",
        "an object is in the input twice",
        "Both are equal, so one of them is left out.",
        "kproxysim rules cluster.yaml services.yaml --node node-a",
    ),
    Explanation(
        "KPS309",
        "a slice's port that the Service does not have",
        "A Service's port is served by the slices' ports of the same name and protocol; numbers play "
        "no part. If the names differ the Service has no endpoints, and its traffic is rejected.",
        "Service:  ports: [{name: http, port: 80}]\nslice:    ports: [{name: web, port: 8080}]",
    ),
    Explanation(
        "KPS310",
        "a slice's port without a number",
        "In an EndpointSlice a port may leave its number out, for all ports; kube-proxy passes it over.",
        "ports:\n  - {name: http}",
    ),
    Explanation(
        "KPS311",
        "source ranges in an annotation",
        "Some cloud controllers read the annotation "
        "service.beta.kubernetes.io/load-balancer-source-ranges; kube-proxy reads "
        "spec.loadBalancerSourceRanges alone, so no rule on the nodes enforces it.",
        "annotations:\n  service.beta.kubernetes.io/load-balancer-source-ranges: 192.0.2.0/24",
    ),
    Explanation(
        "KPS312",
        "a sysctl that decides nothing here",
        "It is one of the kernel's network settings, and no packet's way here hangs on it: the kernel may do "
        "something else with it than what a trace says. What is read: forwarding, rp_filter, route_localnet, "
        "what rules see of bridges, and the settings and timeouts of connection tracking.",
        "sysctls: {net.ipv4.tcp_syncookies: 1}",
    ),
)
"""What has no effect."""
