// What a bundler for browsers or edge workers finds in place of this package. The import has no target, so that the
// build fails here and says why.
import "./unspoken-is-for-servers-only--do-not-import-it-in-client-code";
