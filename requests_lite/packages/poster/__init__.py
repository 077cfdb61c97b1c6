"""poster: multipart/form-data uploads and an HTTP/1.1 engine, on the standard library alone.

The floor of RFC 9112: how a message travels. Each file is a chapter and imports only those before it:
errors, headers, head, body, sending, connect, tls, connection, pool, opener, streaminghttp; encode stands beside them.
Two doors lead in: `opener.Opener` for requests_lite, and `streaminghttp` for urllib.request.
"""

version = (0, 8, 1)
