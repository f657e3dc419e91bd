import { get, secrets } from "unspoken";
import { provideSecrets } from "unspoken/testing";

export const text: string = get("ANY"); // wrong: a secret is no text
export const lower = secrets.lower; // wrong: the bag answers to capitals
provideSecrets({ A: 1 }); // wrong: a value is a text
export const right = secrets.ANY.expose();
