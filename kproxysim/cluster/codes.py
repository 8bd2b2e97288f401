"""The words behind the codes of this room, for `kproxysim explain CODE`.

KPS0xx: a file can't be read. KPS1xx: a value can't be understood. KPS2xx: today's API server would refuse it,
kube-proxy would act on it (a warning, with `--strict` an error). KPS3xx: it has no effect (a note).
"""

from __future__ import annotations

from kproxysim.cluster.warning_codes import NOTES, WARNINGS
from kproxysim.codes import Explanation

__all__ = ["EXPLANATIONS"]

_READING = (
    Explanation(
        "KPS001",
        "a file can't be read",
        "The name leads to nothing, or to something that may not be read. Check the spelling, the "
        "folder that the command runs in, and the permissions. `-` stands for standard input.",
        "kproxysim rules manifets.yaml --node node-a      # there is only manifests.yaml",
    ),
    Explanation(
        "KPS002",
        "a folder holds no manifest",
        "Of a folder, the files *.yaml, *.yml and *.json are read, and those of the folders in it. "
        "Hidden files and folders (names that begin with a dot) are left out.",
        "kproxysim rules docs/ --node node-a",
    ),
    Explanation(
        "KPS003",
        "a file is empty",
        "There is nothing but white space in it. A shell makes such a file before the command that "
        "should fill it fails.",
        "kubectl get services -o yaml > services.yaml     # kubectl could not reach the cluster",
    ),
    Explanation(
        "KPS004",
        "a file is binary",
        "It holds characters that no text has. Give YAML or JSON, in UTF-8.",
        "kproxysim rules cluster.tar.gz --node node-a",
    ),
    Explanation(
        "KPS005",
        "a text has another encoding than UTF-8",
        "YAML and JSON are read as UTF-8, or as UTF-16 or UTF-32 where a byte order mark says so "
        "(PowerShell writes one). The place shown is the first byte that does not fit. Save the file "
        "as UTF-8.",
        "# caf\\xe9 in Latin-1",
    ),
    Explanation(
        "KPS006",
        "a text is too large",
        "There are limits on the size of a file and on the number of values in a YAML text, so that "
        "no input can take all memory or minutes of time. The dump of a cluster with 10,000 Services "
        "is far below them. A larger one is read as JSON: it has no limit on the number of values and "
        "is read ten times as fast.",
        "kubectl get nodes,services,endpointslices -A -o json > cluster.json",
    ),
    Explanation(
        "KPS007",
        "a text is no YAML",
        "The parser could not go on at the place shown; the mistake may stand a little before it. "
        "Frequent ones: a tab in the indentation, a missing space behind a colon, a quote that is not "
        "closed, lines of one mapping that begin in different columns.",
        "spec:\n\ttype: NodePort          # a tab",
    ),
    Explanation(
        "KPS008",
        "a text is no JSON",
        "A file whose name ends in .json is read as JSON. The place shown is where the parser could "
        "not go on. Frequent mistakes: a comma behind the last item, single quotes, a comment.",
        '{"kind": "Service",}',
    ),
    Explanation(
        "KPS009",
        "a key stands twice in one mapping",
        "Only one of the two can hold, and programs do not agree which. Remove the one that is not "
        "meant. It often comes from a file that was put together of two.",
        "spec:\n  type: NodePort\n  type: ClusterIP",
    ),
    Explanation(
        "KPS010",
        "lists and mappings nest too deep",
        "No Kubernetes object comes near the limit of 100 levels. The text is not what it should be.",
        "[[[[[[[[ ...",
    ),
    Explanation(
        "KPS011",
        "an alias can't be used",
        "A YAML alias (*name) repeats the value that an anchor (&name) marked earlier in the same "
        "document. It must not repeat the value that it is part of, and aliases of aliases must not "
        "blow a small text up to a huge one. `<<` merges a mapping, or a list of mappings.",
        "a: &a [*a]",
    ),
    Explanation(
        "KPS012",
        "a document is no mapping",
        "Each document of a file is one object: a mapping that begins with apiVersion and kind. A "
        "list of objects is an object too, of kind List, with the objects under items.",
        "- apiVersion: v1       # put this under `kind: List`, `items:`\n  kind: Service",
    ),
    Explanation(
        "KPS013",
        "a key or a tag means nothing to Kubernetes",
        "Keys are text in the end, so they can't be lists, mappings or null. Of YAML's tags only "
        "those of its own simple types (!!str, !!int) are understood.",
        "? [a, b]\n: c",
    ),
    Explanation(
        "KPS014",
        "the input holds nothing that kube-proxy reads",
        "kube-proxy reads Nodes, Services and EndpointSlices. The message says what was there instead.",
        "kubectl get deployments -A -o yaml | kproxysim rules - --node node-a",
    ),
)

_ERRORS = (
    Explanation(
        "KPS101",
        "this is no Kubernetes object",
        "An object says what it is by apiVersion and kind. Items of a list of one kind (ServiceList) "
        "may leave both out. A file of another program (Helm's values, for example) among the "
        "manifests gives this error too: keep it in another folder.",
        "metadata: {name: web}\nspec: {clusterIP: 10.96.0.10}",
    ),
    Explanation(
        "KPS102",
        "a field is missing",
        "The object can't be understood without it: metadata.name of all objects, port of a Service's "
        "port, addressType of an EndpointSlice, type and address of a node's address.",
        "kind: EndpointSlice\nmetadata: {name: web-1}          # addressType: IPv4 is missing",
    ),
    Explanation(
        "KPS103",
        "a value is of the wrong type",
        "Text where a number belongs, or the other way round. YAML reads what is not quoted as it "
        "looks: 80 is a number and '80' is text; yes, no, on, off, y and n are true and false to "
        "Kubernetes.",
        'ports:\n  - port: "80"        # port: 80',
    ),
    Explanation(
        "KPS104",
        "this is no IP address",
        "It is none in any spelling that kube-proxy understands. Old spellings (010.0.0.1, "
        "::ffff:10.0.0.1) are understood, and give a warning. An address has no prefix length, no "
        "zone (%eth0) and no port.",
        "externalIPs: [10.128.0.300]",
    ),
    Explanation(
        "KPS105",
        "this is no prefix",
        "A prefix is an address and a length with a slash between. The length is at most 32 for IPv4 "
        "and 128 for IPv6. A single address is a prefix of full length: 192.0.2.7/32.",
        "loadBalancerSourceRanges: [192.0.2.0]      # 192.0.2.0/24",
    ),
    Explanation(
        "KPS106",
        "a number is out of range",
        "A port is 1 to 65535; nodePort, targetPort and the port of a slice may be 0 or left out, for "
        "none. masqueradeBit is 0 to 31.",
        "ports:\n  - port: 70000",
    ),
    Explanation(
        "KPS107",
        "a word is none of those that the field knows",
        "Kubernetes tells capital from small letters. The help names the words.",
        "externalTrafficPolicy: local       # Local",
    ),
    Explanation(
        "KPS108",
        "this can't be a name",
        "A name with a blank, a quote or a slash can't be stored by any API server, and could not "
        "stand in a rule's comment.",
        "metadata:\n  name: my service",
    ),
    Explanation(
        "KPS109",
        "there is no such field",
        "What is written here is not Kubernetes' but this program's own, so a field that it does not "
        "know is a mistake, most likely in the spelling.",
        "nodeFacts:\n  interface: {eth0: [10.128.0.2/24]}      # interfaces",
    ),
    Explanation(
        "KPS110",
        "this is no duration",
        "Durations are numbers with units, as Go writes them: ns, us, ms, s, m, h. Periods and "
        "timeouts can't be negative.",
        "conntrack:\n  udpTimeout: 30         # 30s",
    ),
    Explanation(
        "KPS111",
        "another proxy mode than iptables",
        "This program simulates the rules that kube-proxy writes with iptables. ipvs and nftables "
        "work in other ways and are out of scope; userspace is gone since 1.26.",
        "mode: ipvs",
    ),
    Explanation(
        "KPS112",
        "settings contradict each other",
        "kube-proxy refuses to start with them: a detectLocalMode without the name that it goes by, "
        "two prefixes of one family in clusterCIDR, the word primary beside prefixes in "
        "nodePortAddresses, or two sets of settings at once.",
        "detectLocalMode: BridgeInterface       # detectLocal.bridgeInterface is missing",
    ),
    Explanation(
        "KPS113",
        "a fact about a node can't be understood",
        "Routes are written as `ip route` prints them, sockets as PROTOCOL/PORT or "
        "PROTOCOL/ADDRESS:PORT. A node has one address a family for kube-proxy.",
        "routes: [10.44.1.0/24 over 10.128.0.13]     # 10.44.1.0/24 via 10.128.0.13 dev eth0",
    ),
    Explanation(
        "KPS114",
        "two different objects have one name",
        "A cluster can hold only one of them, and nothing tells which one is meant. It comes from "
        "dumps of two clusters, or of two moments, in one folder.",
        "Service default/web in old.yaml and, with another clusterIP, in new.yaml",
    ),
    Explanation(
        "KPS115",
        "there is no node of this name",
        "The help names the nodes of the input. A node's name is metadata.name of its Node object, as "
        "`kubectl get nodes` prints it, and often not the host name that you log in to.",
        "kproxysim rules cluster.yaml --node node-1       # its name is gke-pool-1-abcd",
    ),
    Explanation(
        "KPS116",
        "there are no settings of kube-proxy in this file",
        "Give a file with `kind: KubeProxyConfiguration`, or the ConfigMap in which kubeadm keeps it.",
        "kubectl -n kube-system get configmap kube-proxy -o yaml > kube-proxy.yaml",
    ),
    Explanation(
        "KPS117",
        "there is no such object in the cluster",
        "What is patched or deleted is named by kind, namespace and name, as it is there at that time: an "
        "object that was applied or deleted before counts.",
        "delete: Service default/web        # Node node-a, EndpointSlice default/web-abc",
    ),
    Explanation(
        "KPS118",
        "a patch cannot rename an object",
        "Kind, namespace and name say which object it is. The API server refuses to change them.",
        "patch: {metadata: {name: other}}       # delete the one, apply the other",
    ),
)

EXPLANATIONS: tuple[Explanation, ...] = (*_READING, *_ERRORS, *WARNINGS, *NOTES)
"""All of them, in the order of their codes."""
