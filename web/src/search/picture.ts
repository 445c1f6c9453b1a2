// The picture of a query: taken from a file, made small enough to send, kept while this tab lives.

import { fitWithin, isWhole, kWhole, toPixels, type Part } from './crop-geometry.ts';

const kLongestSide = 1024; // more than any tower sees
const kLargestFile = 1 << 20; // bytes; larger files are drawn anew even where their sides are short enough
const kQuality = 0.92;
const kMostKept = 20;

export interface QueryPicture {
  key: string; // what the address calls it
  name: string;
  sent: Blob; // what the server is given
  source: Blob; // what the user gave
  part: Part; // of `source`, that `sent` shows
  url: string | undefined; // to show `sent` by; undefined: this browser cannot show it
  width: number; // of `source`, as people see it; 0: unknown
  height: number;
}

const kept = new Map<string, QueryPicture>();

export function pictureOf(key: string): QueryPicture | undefined {
  return kept.get(key);
}

// Whether a file can be one at all. What this browser does not know, such as TIFF, the server may.
export function mayBePicture(file: File): boolean {
  return !/^(text|audio|video)\/|^application\/(pdf|zip)/.test(file.type);
}

// Read once, here: the file may change or go before it is sent, and a browser that cannot read it then says no more than
// that the request failed. Throws where it cannot be read now.
export async function takePicture(file: Blob, name: string): Promise<QueryPicture> {
  const source = new File([await file.arrayBuffer()], name, { type: file.type });
  return keep(await prepare(source, name, kWhole));
}

export async function cropPicture(picture: QueryPicture, part: Part): Promise<QueryPicture> {
  return keep(await prepare(picture.source, picture.name, part));
}

// Somebody else may sign in, who is not to see them.
export function forgetPictures(): void {
  for (const { url } of kept.values()) if (url) URL.revokeObjectURL(url);
  kept.clear();
}

function keep(picture: QueryPicture): QueryPicture {
  kept.set(picture.key, picture);
  const [oldest] = kept.values();
  if (kept.size > kMostKept && oldest) {
    kept.delete(oldest.key);
    if (oldest.url) URL.revokeObjectURL(oldest.url);
  }
  return picture;
}

async function prepare(source: Blob, name: string, part: Part): Promise<QueryPicture> {
  // getRandomValues, for randomUUID is not there where the page comes over plain HTTP from another machine.
  const key = Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => (byte % 36).toString(36)).join('');
  const unread: QueryPicture = { key, name, sent: source, source, part: kWhole, url: undefined, width: 0, height: 0 };
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(source, { imageOrientation: 'from-image' });
  } catch {
    return unread; // the server says whether it can
  }
  const { width, height } = bitmap;
  const cut = toPixels(part, width, height);
  const size = fitWithin(cut.width, cut.height, kLongestSide);
  const isAsItIs = isWhole(part) && size.width === width && size.height === height && source.size <= kLargestFile;
  const sent = isAsItIs ? source : await draw(bitmap, cut, size);
  bitmap.close();
  if (!sent) return unread;
  return { key, name, sent, source, part, url: URL.createObjectURL(sent), width, height };
}

function draw(bitmap: ImageBitmap, cut: Part, size: { width: number; height: number }): Promise<Blob | null> {
  const canvas = document.createElement('canvas');
  canvas.width = size.width;
  canvas.height = size.height;
  const context = canvas.getContext('2d');
  if (!context) return Promise.resolve(null);
  context.imageSmoothingQuality = 'high';
  context.fillStyle = '#fff'; // what is transparent lies on paper
  context.fillRect(0, 0, size.width, size.height);
  context.drawImage(bitmap, cut.x, cut.y, cut.width, cut.height, 0, 0, size.width, size.height);
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', kQuality));
}
