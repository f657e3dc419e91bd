import { defineConfig } from "vite";

export default defineConfig({
  build: process.env.LEAKING ? { rollupOptions: { input: "src/leaking-client.js" } } : {},
});
