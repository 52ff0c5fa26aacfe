// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Whether anybody may register names below this one, so that no cookie may be set for all of them.
 *
 * Every name of one label counts, `localhost` too, and the largest of those of two labels: the list
 * at publicsuffix.org has 10 000 more, which a caller may bring along (`isPublicSuffix` of
 * `CookieJarOptions`).
 */
export function isPublicSuffix(domain: string): boolean {
  return !domain.includes(".") || SECOND_LEVEL.has(domain);
}

/** The part of a host below which one party rules: `example.co.uk` of `www.example.co.uk`. */
export function siteOf(host: string, isSuffix: (domain: string) => boolean): string {
  if (isAddress(host)) return host;
  let site = host;
  for (let rest = parentOf(host); rest !== "" && !isSuffix(rest); rest = parentOf(rest)) {
    site = rest;
  }
  return site;
}

/** The domain without its first label; empty at the top. */
export function parentOf(domain: string): string {
  const dot = domain.indexOf(".");
  return dot < 0 ? "" : domain.slice(dot + 1);
}

/** Whether a host of a URL is an IP address, which has no parent. */
export function isAddress(host: string): boolean {
  return host.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}

// Data: suffixes of two labels.
// deno-fmt-ignore
const SECOND_LEVEL: ReadonlySet<string> = new Set([
  "ac.uk", "co.uk", "gov.uk", "ltd.uk", "me.uk", "net.uk", "nhs.uk", "org.uk", "plc.uk", "sch.uk",
  "com.au", "edu.au", "gov.au", "id.au", "net.au", "org.au", "ac.nz", "co.nz", "govt.nz", "net.nz", "org.nz",
  "ac.jp", "co.jp", "go.jp", "ne.jp", "or.jp", "ac.kr", "co.kr", "go.kr", "or.kr", "co.in", "gov.in", "net.in", "org.in",
  "com.cn", "edu.cn", "gov.cn", "net.cn", "org.cn", "com.hk", "org.hk", "com.tw", "org.tw", "com.sg", "edu.sg", "com.my",
  "com.br", "gov.br", "net.br", "org.br", "com.ar", "com.mx", "com.co", "com.pe", "com.tr", "gov.tr", "com.ua", "co.za",
  "co.il", "org.il", "com.pl", "net.pl", "co.id", "co.th", "com.vn", "com.ph", "com.pk", "com.sa", "com.eg", "com.ng",
  "github.io", "gitlab.io", "vercel.app", "netlify.app", "pages.dev", "workers.dev", "deno.dev", "web.app", "herokuapp.com",
  "blogspot.com", "azurewebsites.net", "cloudfront.net", "appspot.com", "fly.dev", "onrender.com", "firebaseapp.com",
]);
