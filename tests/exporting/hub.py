"""A stand-in for the Hugging Face hub: the calls of its HTTP interface that charloop's uploads and downloads make."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Hub:
    """Repositories: by their name, the files of each commit, by its hash; the newest is the branch main."""

    def __init__(self) -> None:
        self.repos: dict[str, dict[str, dict[str, bytes]]] = {}
        self.private: dict[str, Any] = {}
        self.tokens: set[str | None] = set()
        self.calls: list[str] = []

    def commit(self, repo: str, lines: list[dict[str, Any]]) -> str:
        """Add the files of a commit, and return its hash."""
        commits = self.repos[repo]
        files = dict(commits[next(reversed(commits))]) if commits else {}
        for line in lines:
            if line["key"] == "file":
                files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
        sha = hashlib.sha1(f"{repo} {len(commits)}".encode()).hexdigest()
        commits[sha] = files
        return sha

    def find(self, repo: str, revision: str) -> str | None:
        """Return the hash of a commit."""
        commits = self.repos.get(repo, {})
        return (
            next(reversed(commits), None) if revision == "main" else revision if revision in commits else None
        )


@contextmanager
def serving(hub: Hub) -> Iterator[str]:
    """Yield the address at which the stand-in answers."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def reply(self, body: bytes, status: int = 200, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def refuse(self, status: int, code: str) -> None:
            self.reply(json.dumps({"error": code}).encode(), status, X_Error_Code=code)

        def do_GET(self) -> None:
            hub.calls.append(f"{self.command} {self.path}")
            parts = self.path.partition("?")[0].strip("/").split("/")
            api = parts[0] == "api"
            repo = "/".join(parts[2:4] if api else parts[:2])
            kind, revision, *rest = parts[4 if api else 2 :] or ["revision", "main"]
            sha = hub.find(repo, revision)
            if repo not in hub.repos:
                self.refuse(404, "RepoNotFound")
            elif sha is None:
                self.refuse(404, "RevisionNotFound")
            elif kind == "revision":
                self.reply(json.dumps({"id": repo, "sha": sha, "siblings": []}).encode())
            elif kind == "tree":
                files = hub.repos[repo][sha].items()
                listed = [
                    {
                        "type": "file",
                        "path": path,
                        "size": len(content),
                        "oid": hashlib.sha1(content).hexdigest(),
                    }
                    for path, content in files
                ]
                self.reply(json.dumps(listed).encode())
            elif rest and rest[0] in hub.repos[repo][sha]:
                content = hub.repos[repo][sha][rest[0]]
                self.reply(content, ETag=f'"{hashlib.sha1(content).hexdigest()}"', X_Repo_Commit=sha)
            else:
                self.refuse(404, "EntryNotFound")

        do_HEAD = do_GET  # noqa: N815

        def do_POST(self) -> None:
            hub.calls.append(f"{self.command} {self.path}")
            hub.tokens.add(self.headers.get("Authorization"))
            body = self.rfile.read(int(self.headers["Content-Length"]))
            parts = self.path.strip("/").split("/")
            address = f"http://{self.headers['Host']}"
            if self.headers.get("Authorization") != "Bearer good":
                self.refuse(401, "")
            elif self.path == "/api/repos/create":
                asked = json.loads(body)
                repo = f"{asked['organization']}/{asked['name']}"
                hub.private[repo] = asked.get("visibility", asked.get("private"))
                hub.repos.setdefault(repo, {})
                self.reply(json.dumps({"url": f"{address}/{repo}"}).encode())
            elif self.path == "/api/validate-yaml":
                self.reply(b'{"errors": [], "warnings": []}')
            elif parts[4] == "preupload":
                modes = [
                    {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                    for file in json.loads(body)["files"]
                ]
                self.reply(json.dumps({"files": modes}).encode())
            else:
                repo = "/".join(parts[2:4])
                sha = hub.commit(repo, [json.loads(line) for line in body.splitlines()])
                url = f"{address}/{repo}/commit/{sha}"
                self.reply(json.dumps({"commitUrl": url, "commitOid": sha, "success": True}).encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
