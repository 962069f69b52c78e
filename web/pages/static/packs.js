// Files of an upload in packs: small ones share a request, and each pack is complete by itself.

const MAX_BYTES = 32e6;
const MAX_FILES = 200;

/** files: [{file, path}]. boundary: what is in none of them. Returns: [{files, content, type}], `content` a
 * Blob: a multipart/form-data body of `type`. Nothing is read before it is sent. Each file is given its place
 * in the content: `start` and `end`. The same files with the same boundary give the same packs. */
export function packed(files, boundary) {
  const packs = [];
  let some = [];
  let size = 0;
  for (const file of files) {
    if (some.length && (size + file.file.size > MAX_BYTES || some.length === MAX_FILES)) {
      packs.push(pack(some, boundary));
      [some, size] = [[], 0];
    }
    some.push(file);
    size += file.file.size;
  }
  if (some.length) packs.push(pack(some, boundary));
  return packs;
}

function pack(files, boundary) {
  const parts = [];
  const placed = [];
  let size = 0;
  const add = (part) => {
    parts.push(part);
    size += part.size;
  };
  for (const { file, path } of files) {
    add(new Blob([head(boundary, path)]));
    const start = size;
    add(file);
    placed.push({ file, path, start, end: size });
    add(new Blob(["\r\n"]));
  }
  add(new Blob([`--${boundary}--\r\n`]));
  return {
    files: placed,
    content: new Blob(parts),
    type: `multipart/form-data; boundary=${boundary}`,
  };
}

/** As a form writes it: https://html.spec.whatwg.org/#multipart-form-data */
function head(boundary, path) {
  const name = path.replace(/\n/g, "%0A").replace(/\r/g, "%0D").replace(/"/g, "%22");
  return (
    `--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="${name}"\r\n` +
    "Content-Type: application/octet-stream\r\n\r\n"
  );
}
