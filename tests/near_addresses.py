"""Ways to write an address that is not of the open internet, and names that lead to one."""

from __future__ import annotations

import ipaddress

_V4 = (
    "127.0.0.1 127.1.2.3 127.255.255.254 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 192.168.1.254 "
    "169.254.169.254 169.254.0.1 100.64.0.1 100.127.255.255 0.0.0.0 0.1.2.3 192.0.0.1 192.0.2.1 198.18.0.1 "
    "198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 192.88.99.1 "
    "168.63.129.16 100.100.100.200 192.0.0.192 169.254.170.2"
).split()
_V6 = (
    "::1 :: fe80::1 febf::1 fc00::1 fd12:3456::1 fec0::1 ff02::1 2001:db8::1 2001::1 2002:7f00:1:: 2002:a00:1:: "
    "64:ff9b::7f00:1 64:ff9b::10.0.0.1 64:ff9b:1::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 "
    "::127.0.0.1 100::1 3fff::1 ::ffff:0:127.0.0.1 0:0:0:0:0:0:0:1 fe80::1%25eth0 "
    "fd00:ec2::254 64:ff9b::a9fe:a9fe 64:ff9b::168.63.129.16 2002:a9fe:a9fe:: 2001:0:4136:e378:8000:63bf:80ff:fffe "
    "::ffff:a9fe:a9fe 0000:0000:0000:0000:0000:ffff:7f00:0001 64:ff9b:1:ffff::7f00:1"
).split()
_NAMES = (
    "localhost localhost. LOCALHOST a.localhost localhost.localdomain router.local metadata.google.internal nas "
    "printer.lan db.internal server.home host.corp router.home.arpa abc.onion intranet foo.intranet"
).split()


def _odd(address: str) -> list[str]:
    """The ways inet_aton reads."""
    number = int(ipaddress.IPv4Address(address))
    a, b, c, d = (int(part) for part in address.split("."))
    return [
        str(number),
        hex(number),
        f"0{number:o}",
        f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a}.{(b << 16) + (c << 8) + d}",
        f"{a}.{b}.{(c << 8) + d}",
        f"0x{a:x}.{b}.0{c:o}.{d}",
        f"{address}.",
    ]


LITERALS: tuple[str, ...] = tuple(
    dict.fromkeys(
        [f"http://{host}/" for host in _V4]
        + [f"http://{odd}/feed" for host in _V4[:13] for odd in _odd(host)]
        + [f"https://[{host}]/" for host in _V6]
        + [f"http://{name}/" for name in _NAMES]
        + [
            "http://①②⑦.⓪.⓪.①/",
            "http://127。0。0。1/",
            "http://user:secret@127.0.0.1/",
            "http://example.com@127.0.0.1/",
            "http://127.0.0.1:22/",
            "http://127.0.0.1#@example.com/",
            "http://[::ffff:7f00:1]/",
            "http://%31%32%37.0.0.1/",
            "http:127.0.0.1/",
            "http:///127.0.0.1/",
            "//127.0.0.1/",
            "file:///etc/passwd",
            "gopher://127.0.0.1/",
            "http://0/",
            "http://0x/",
            "http://127.0.0.1.:80/",
            "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
            "http://１２７.０.０.１/",
            "http://１２７．０．０．１/",
            "http://[::1]./",
            "http://127.0.0.1%00.example.com/",
            "http://example.com\\@127.0.0.1/",
            "http://127.0.0.1\\@example.com/",
            "http://0177.1/",
            "http://0x7f000001./",
            "http://017700000001.:8080/",
            "HTTP://LOCALHOST:80/",
            "http://metadata/computeMetadata/v1/",
            "http://kubernetes.default.svc.cluster.local/",
            "http://instance-data.ec2.internal/latest/",
        ]
    )
)
"""AddressRefused as they are written."""

RESOLVED: tuple[tuple[str, ...], ...] = (
    *((address,) for address in [*_V4, *(v for v in _V6 if "%" not in v)]),
    ("93.184.215.14", "127.0.0.1"),
    ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::1"),
)
"""What a name under somebody else's control may lead to."""
