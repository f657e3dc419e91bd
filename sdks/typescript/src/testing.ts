/**
 * Secrets for your own tests, given by an explicit call and never by a variable.
 *
 * @module
 */
import { shared } from "./shared.js";

/** What a test may say of the set besides its secrets. */
export interface TestSet {
  readonly project?: string;
  readonly environment?: string;
  readonly revision?: number;
  readonly token?: string;
}

/**
 * Puts these secrets in place of those that were read, and returns a function
 * that puts those back. It holds for this thread.
 */
export function provideSecrets(values: { readonly [name: string]: string }, set: TestSet = {}): () => void {
  const { project = "test", environment = "test", revision = 0, token = "" } = set;
  return shared.replace({ project, environment, revision, token, secrets: Object.entries(values) });
}
