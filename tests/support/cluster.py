"""The program as many processes: any number of auth nodes and edges around one broker."""
from troupe_process import Node, Troupe, free_port


class Cluster(Troupe):
    """Troupe in the shape `six`, with `auths` auth nodes, `routers` and `edges`, and so many `mixed` nodes that are
    edge, router and prompt in one process; `edge_urls` has all edges, those last."""

    def __init__(self, program, data, auths=1, edges=1, routers=1, mixed=0, **more):
        super().__init__(program, "six", data, **more)
        bus = next(word for word in self.nodes["auth"].command if word.startswith("tcp://"))
        self.edge_urls = [self.url]
        for number in range(2, auths + 1):
            name = f"auth{number}"
            self.nodes[name] = Node(name, [self.program, "serve", "--roles", "auth", "--data",
                                           self.data / name, "--join", bus, *self.arguments], self.environment)
        for number in range(2, routers + 1):
            name = f"router{number}"
            self.nodes[name] = Node(name, [self.program, "serve", "--roles", "router", "--join", bus,
                                           *self.arguments], self.environment)
        with_http = [(f"edge{number}", ["--roles", "edge"]) for number in range(2, edges + 1)]
        for number in range(1, mixed + 1):
            name = f"mixed{number}"
            with_http.append((name, ["--roles", "edge,router,prompt", "--data", self.data / name]))
        for name, roles in with_http:
            port = free_port()
            self.edge_urls.append(f"http://127.0.0.1:{port}")
            self.nodes[name] = Node(name, [self.program, "serve", *roles, "--http", f"127.0.0.1:{port}",
                                           "--join", bus, *self.arguments], self.environment)
