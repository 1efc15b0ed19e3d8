"""A resumable stream of the simulator's model `sim-count`, read event by event."""
import http.client
import json
import urllib.parse


class Refused(Exception):
    """An answer that is no stream: (status, body)."""


def events(url, key, name, tokens, last_id=None, timeout=15):
    """(id, data) of each event, what follows `last_id` if given. Ends with the connection, and when it is closed hangs
    up."""
    at = urllib.parse.urlsplit(url)
    body = {"model": "sim-count", "stream": True, "resumable": True, "max_tokens": tokens,
            "messages": [{"role": "user", "content": name}]}
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    if last_id:
        headers["last-event-id"] = last_id
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=timeout)
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise Refused(answer.status, answer.read())
        event_id = last_id
        for line in answer:
            field, _, value = line.decode().strip().partition(": ")
            if field == "id":
                event_id = value
            elif field == "data":
                yield event_id, value
    finally:
        connection.close()


def text_of(data):
    """What a chunk says; empty: nothing, or it is none."""
    choices = json.loads(data)["choices"] if data != "[DONE]" else []
    return choices[0]["delta"].get("content") or "" if choices else ""
