"""poster: how a message travels (RFC 9112, RFC 7578), on the standard library alone.

Each file imports only those before it: errors, headers, head, body, part, sending, connect, tls, connection, pool,
opener (the door for requests_lite), streaminghttp (that for urllib.request); encode stands beside them, on part.
"""

version = (0, 8, 1)
