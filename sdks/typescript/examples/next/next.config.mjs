export default {
  // Node loads the package itself, once, instead of a copy in each of the server's bundles. It works without, too.
  serverExternalPackages: ["unspoken"],
};
