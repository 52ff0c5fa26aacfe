// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * HTTP on the ring: {@linkcode serve} with the contract of `Deno.serve`.
 *
 * ```ts
 * import { serve } from "@photon/std/http";
 *
 * const server = serve({ port: 0, onListen() {} }, () => new Response("Hello, World!"));
 * await server.shutdown();
 * ```
 *
 * @module
 */
export * from "./serve.ts";
export { closeIdleConnections, fetch, type FetchInit, responseTrailers } from "./fetch.ts";
export { HttpClient } from "./http_client.ts";
export type {
  ClientBounds,
  ClientStatistics,
  ClientTimeouts,
  CookieStore,
  FetchLayer,
  FetchRequest,
  HttpClientOptions,
  ProxyOptions,
} from "./client_options.ts";
export { connectHttpProxy, type HttpProxyOptions } from "./connect_http_proxy.ts";
export { DEFAULT_LIMITS, type ServeLimits } from "./limits.ts";
export { accessLog, type AccessLogOptions } from "./access_log.ts";
export { compress, type CompressOptions, decompress } from "./compress.ts";
export { cors, type CorsOptions } from "./cors.ts";
export { DURATION_BUCKETS_SECONDS, HttpMetrics, type HttpMetricsSnapshot } from "./metrics.ts";
export type { Handler } from "./middleware.ts";
export { rateLimit, type RateLimitOptions } from "./rate_limit.ts";
export { requestId, requestIdOf, type RequestIdOptions } from "./request_id.ts";
export { type Route, router } from "./router.ts";
export { type HttpUpgrade, upgradeHttp } from "./upgrade.ts";
export { requestTrailers, type TrailerSource, withTrailers } from "./trailers.ts";
export type { BackoffOptions } from "../thread/backoff.ts";
export { retry, type RetryOptions } from "./retry.ts";
export { download, type DownloadOptions, type DownloadProgress } from "./download.ts";
export {
  type CookieContext,
  CookieJar,
  type CookieJarOptions,
  type SavedCookies,
} from "./cookie_jar.ts";
export type { StoredCookie } from "./cookie_table.ts";
export type { SameSite } from "./set_cookie.ts";
export type { StoredResponse } from "./cache_policy.ts";
export { FsResponseStore, type FsResponseStoreOptions } from "./fs_response_store.ts";
export {
  ResponseCache,
  type ResponseCacheOptions,
  type ResponseCacheStatistics,
} from "./response_cache.ts";
export { MemoryResponseStore, type ResponseStore } from "./response_store.ts";
