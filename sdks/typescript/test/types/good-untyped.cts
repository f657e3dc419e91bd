import unspoken = require("unspoken");

const url: string = unspoken.secrets.DATABASE_URL.expose();
const maybe: unspoken.Secret | undefined = unspoken.optional("ANYTHING");
const own: unspoken.Secret = new unspoken.Secret("text");

export const used = [url, maybe, own.equals("text"), unspoken.get("lower").expose()];
