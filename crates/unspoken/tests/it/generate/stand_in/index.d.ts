// The signatures of the library for TypeScript, as far as generated types need them.
export interface Secrets {}
export declare class Secret {
  private constructor();
  expose(): string;
}
type Required = { [N in keyof Secrets]-?: {} extends Pick<Secrets, N> ? never : N }[keyof Secrets];
export declare const secrets: { readonly [N in Required]: Secret };
export declare function optional(name: keyof Secrets): Secret | undefined;
