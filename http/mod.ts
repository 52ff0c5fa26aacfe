// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * HTTP on the ring: {@linkcode serve} with the contract of `Deno.serve`, WebSockets
 * ({@linkcode upgradeWebSocket}), {@linkcode staticFiles}, {@linkcode reverseProxy}, server-sent
 * events ({@linkcode eventStream}).
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
  HttpClientOptions,
  ProxyOptions,
} from "./client_options.ts";
export { connectHttpProxy, type HttpProxyOptions } from "./connect_http_proxy.ts";
export { DEFAULT_LIMITS, type ServeLimits } from "./limits.ts";
export { accessLog, type AccessLogOptions } from "./access_log.ts";
export { compress, type CompressOptions, decompress } from "./compress.ts";
export { cors, type CorsOptions } from "./cors.ts";
export { DURATION_BUCKETS_SECONDS, HttpMetrics, type HttpMetricsSnapshot } from "./metrics.ts";
export {
  encodeEvent,
  eventStream,
  type EventStreamOptions,
  type ServerEvent,
} from "./event_stream.ts";
export {
  EventStreamDecoder,
  type EventStreamDecoderOptions,
  type ReceivedEvent,
} from "./event_stream_decoder.ts";
export type { Handler } from "./middleware.ts";
export { rateLimit, type RateLimitOptions } from "./rate_limit.ts";
export { requestId, requestIdOf, type RequestIdOptions } from "./request_id.ts";
export type { ProxyBalance, ProxyHealth, UpstreamStatus } from "./proxy_upstreams.ts";
export { type ReverseProxy, reverseProxy, type ReverseProxyOptions } from "./reverse_proxy.ts";
export { type Route, router } from "./router.ts";
export { type HttpUpgrade, upgradeHttp } from "./upgrade.ts";
export {
  upgradeWebSocket,
  type UpgradeWebSocketOptions,
  type WebSocketUpgrade,
} from "./upgrade_websocket.ts";
export { WebSocket } from "./websocket.ts";
export type { WebSocketData } from "./websocket_decoder.ts";
export type { WebSocketCompression } from "./websocket_deflate.ts";
export type { WebSocketLimits, WebSocketOptions } from "./websocket_options.ts";
export {
  type StaticFiles,
  staticFiles,
  type StaticFilesOptions,
  type StaticProgress,
} from "./static_files.ts";
export { requestTrailers, type TrailerSource, withTrailers } from "./trailers.ts";
export type { BackoffOptions } from "../thread/backoff.ts";
export type { FetchRequest } from "./fetch_request.ts";
export { retry, type RetryOptions } from "./retry.ts";
export { download } from "./download.ts";
export type { DownloadOptions, DownloadProgress } from "./download_options.ts";
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
