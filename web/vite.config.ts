import { defineConfig } from 'vite';

// While the page is worked on, it asks a running server: WARIFU_SERVER=http://127.0.0.1:8080 npm run dev.
const server = process.env['WARIFU_SERVER'] ?? 'http://127.0.0.1:8080';

const proxy = Object.fromEntries(
  ['/v1', '/healthz', '/readyz', '/docs', '/openapi.json'].map((path) => [
    path,
    {
      target: server,
      // The server refuses requests whose Host it does not know and whose Origin is another one.
      changeOrigin: true,
      headers: { origin: server },
      configure(to: {
        on(event: 'error', listener: (error: Error, request: unknown, response: unknown) => void): void;
      }) {
        to.on('error', (_error, _request, response) => {
          const answer = response as { writeHead?: (status: number) => void; end: () => void };
          answer.writeHead?.(502);
          answer.end();
        });
      },
    },
  ]),
);

export default defineConfig({
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // the page's policy lets only files in
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    rollupOptions: {
      output: {
        entryFileNames: 'assets/[name]-[hash].js',
        chunkFileNames: 'assets/[name]-[hash].js',
        assetFileNames: 'assets/[name]-[hash][extname]',
      },
    },
  },
  server: { proxy },
  preview: {
    proxy,
    // As the server sends it with the page (src/server), so that what it forbids is seen here too.
    headers: {
      'Content-Security-Policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; " +
        "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    },
  },
});
