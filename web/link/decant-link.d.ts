/** Why a connection failed; docs/link.md says what each means. */
export type LinkErrorType =
  | "invalid_token"
  | "invalid_integration"
  | "connection_error"
  | "post_install_error"
  | "validation_error"
  | "rapid_form_error";

/** What a connection that succeeded gives. */
export interface LinkResult {
  result: "success";
  /** The integration's slug. */
  integration: string;
  integrated_account_id: string;
}

/** A connection that failed. The promises may also be rejected with `"closed"` (by the person) and `"blocked"` (the popup). */
export declare class LinkError extends Error {
  result: "error";
  /** What went wrong, in words. */
  error: string;
  error_type: LinkErrorType;
  integration?: string;
  /** Where an account was made already. */
  integrated_account_id?: string;
  /** The same for programs. */
  problem?: { code: string; permission?: string; fields?: { field: string; message: string }[] };
}

/** Where and how the page is shown. */
export interface WindowOptions {
  /** The gateway's address; where this module was loaded from unless given. */
  baseUrl?: string;
  /** Over the whole page, in an iframe; the default. `false` opens a popup. */
  iframe?: boolean;
  /** Instead of this page. The promise never settles; the result comes to the link token's `redirect_uri`. */
  sameWindow?: boolean;
  /** The popup's size in pixels: 700 by 800 unless given. */
  width?: number;
  height?: number;
  /** `en` or `fr`; what the browser prefers unless given. */
  language?: string;
  /** Takes the page away; the promise is rejected with its reason. */
  signal?: AbortSignal;
}

export interface AuthenticateOptions extends WindowOptions {
  /** Skips the choice. */
  integration?: string;
  /** Narrows the choice. */
  integrations?: string[];
  /** Without the way back to the choice. */
  noBack?: boolean;
  /** Which way to authenticate, where the integration has several. */
  authFormat?: "api_key" | "oauth2" | "oauth2_client_credentials" | "keka_oauth" | (string & {});
  /** Without the form that may follow the connection. */
  skipRapidForm?: boolean;
}

export interface RapidFormOptions extends WindowOptions {
  integration?: string;
  /** Becomes part of the account's context. */
  additionalContext?: Record<string, unknown>;
  /** By field: what was chosen stays chosen, for the reason in `message`. */
  preventDeselect?: Record<string, { message: string }>;
  /** By field: it can't be changed, for the reason in `message`. */
  disabledFields?: Record<string, { message: string }>;
}

/** Has a person connect an account, with a token of `POST /link-token`. */
export declare function authenticate(linkToken: string, options?: AuthenticateOptions): Promise<LinkResult>;
export default authenticate;

/** Has a person fill in the form after a connection, with a token of `POST /integrated-account/token`. */
export declare function rapidForm(integratedAccountToken: string, options?: RapidFormOptions): Promise<LinkResult>;

/** What `redirect_uri` was told after `sameWindow`. Anyone can write such an address: it is a hint, no proof. */
export declare function redirectResult(address?: string): (Record<string, string> & { result: string }) | undefined;
