"""What production changes: https for people and programs, and health checks that still answer plain."""

import httpx

from tests.integration.api.conftest import web_process


def test_behind_a_proxy_everything_is_https_and_health_is_plain(servers: None) -> None:
    with web_process(CUX_PRODUCTION="1") as url:
        assert httpx.get(f"{url}/healthz").json() == {"status": "ok"}
        plain = httpx.get(f"{url}/v1/instruments")
        assert (plain.status_code, plain.headers["location"][:8]) == (301, "https://")
        secure = httpx.get(f"{url}/v1/instruments", headers={"X-Forwarded-Proto": "https"})
        assert secure.status_code == 200
        assert secure.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains; preload"
