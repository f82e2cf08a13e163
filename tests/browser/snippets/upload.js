// Asks the function at `fn` for a grant, sends the file with it, answers the receipt.
// Where the store's CORS rule keeps browsers out, the function carries the bytes (relay).
export async function upload(fn, file, { mode, params, headers } = {}) {
  const ask = (mode) =>
    post(`${fn}/grants`, { filename: file.name, content_type: file.type || undefined, size: file.size, mode, params }, headers);
  let grant = await ask(mode);
  let answer;
  try {
    answer = await send(grant, file);
  } catch (error) {
    // fetch throws a TypeError when there is no answer that this page may read. A form may have arrived even so;
    // the receipt speaks for the relayed object.
    if (!(error instanceof TypeError) || grant.mode === "relay") throw error;
    grant = await ask("relay");
    answer = await send(grant, file);
  }
  if (grant.mode === "relay") return answer.json();
  const collected = {};
  for (const name of grant.complete.collect) {
    // A header that CORS hides is null and left out.
    if (name === "record_id") collected.record_id = (await answer.json()).recordId;
    else collected[name === "etag" ? "etag" : "crc64"] = answer.headers.get(name) ?? undefined;
  }
  return post(`${fn}/complete`, { token: grant.complete.token, size: file.size, ...collected });
}

async function send(grant, file) {
  let body = file;
  if (grant.fields) {
    body = new FormData();
    for (const [name, value] of Object.entries(grant.fields)) body.append(name, value);
    body.append(grant.file_field, file); // always the last one
  }
  const answer = await fetch(grant.url, { method: grant.method, headers: grant.headers, body });
  if (!grant.success_status.includes(answer.status)) throw new Error(await answer.text());
  return answer;
}

async function post(url, body, headers) {
  const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
  const json = await answer.json();
  // A problem document: code, title, detail, and retry_after where trying again makes sense.
  if (!answer.ok) throw Object.assign(new Error(json.detail), json);
  return json;
}
