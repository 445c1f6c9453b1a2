// embed_page.mjs DIST FILE: writes the files of DIST as a table in C++ (src/server/page_files.h), each as it is and, where that is
// smaller, compressed.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

const types = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const inside = path.join(folder, entry.name);
    return entry.isDirectory() ? filesIn(inside) : [inside];
  });
}

// Bytes as string literals, one a line.
function literal(bytes) {
  const lines = [];
  for (let begin = 0; begin < bytes.length; begin += 64) {
    let line = '';
    for (const byte of bytes.subarray(begin, begin + 64)) {
      const plain = byte >= 0x20 && byte < 0x7f && !'"\\?'.includes(String.fromCharCode(byte));
      line += plain ? String.fromCharCode(byte) : '\\' + byte.toString(8).padStart(3, '0');
    }
    lines.push(`"${line}"`);
  }
  return `std::string_view(${lines.join('\n') || '""'}, ${bytes.length})`;
}

const [dist, target] = process.argv.slice(2);
const rows = filesIn(dist)
  .map((file) => ({ file, name: '/' + path.relative(dist, file).split(path.sep).join('/') }))
  .sort((a, b) => (a.name < b.name ? -1 : 1))
  .map(({ file, name }) => {
    const type = types[path.extname(name)];
    if (!type) throw new Error(`${name}: embed_page.mjs knows no media type for it`);
    const bytes = readFileSync(file);
    const packed = gzipSync(bytes, { level: 9 });
    const tag = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
    return `{"${name}", "${type}", "${tag}",\n${literal(bytes)},\n${literal(packed.length < bytes.length ? packed : Buffer.alloc(0))}}`;
  });

writeFileSync(
  target,
  `// Made from web/ by embed_page.mjs.
#include "server/page_files.h"

namespace warifu {

std::span<const PageFile> page_files() {
  static constexpr PageFile files[] = {
${rows.join(',\n')}};
  return files;
}

}  // namespace warifu
`,
);
