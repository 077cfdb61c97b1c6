"""Status codes by name: `codes.not_found` is 404, and so is `codes["not_found"]` (RFC 9110 section 15)."""

from __future__ import annotations

# The registered names, and behind them others that users of requests know.
_NAMES = """
    continue 100 switching_protocols 101 processing 102 early_hints 103 ok 200 created 201 accepted 202
    non_authoritative_information 203 no_content 204 reset_content 205 partial_content 206 multi_status 207
    already_reported 208 im_used 226 multiple_choices 300 moved_permanently 301 found 302 see_other 303
    not_modified 304 use_proxy 305 temporary_redirect 307 permanent_redirect 308 bad_request 400 unauthorized 401
    payment_required 402 forbidden 403 not_found 404 method_not_allowed 405 not_acceptable 406
    proxy_authentication_required 407 request_timeout 408 conflict 409 gone 410 length_required 411
    precondition_failed 412 request_entity_too_large 413 request_uri_too_long 414 unsupported_media_type 415
    requested_range_not_satisfiable 416 expectation_failed 417 im_a_teapot 418 misdirected_request 421
    unprocessable_entity 422 locked 423 failed_dependency 424 too_early 425 upgrade_required 426
    precondition_required 428 too_many_requests 429 request_header_fields_too_large 431
    unavailable_for_legal_reasons 451 internal_server_error 500 not_implemented 501 bad_gateway 502
    service_unavailable 503 gateway_timeout 504 http_version_not_supported 505 variant_also_negotiates 506
    insufficient_storage 507 loop_detected 508 not_extended 510 network_authentication_required 511 okay 200
    all_ok 200 all_good 200 \\o/ 200 moved 301 redirect 303 bad 400 not_allowed 405 timeout 408 im_a_teapot 418
    teapot 418 unprocessable 422 content_too_large 413 too_many 429 server_error 500 unavailable 503
""".split()


class Codes(dict[str, int]):
    """Numbers by name, as keys and as attributes, in lower case and in capitals; a key that there is not is None."""

    def __missing__(self, name: str) -> None:
        return None

    def __getattr__(self, name: str) -> int:
        if name in self:
            return self[name]
        raise AttributeError(f"there is no status code {name!r}")


codes = Codes({name: int(code) for name, code in zip(_NAMES[::2], _NAMES[1::2], strict=True)})
codes.update({name.upper(): code for name, code in codes.items()})
