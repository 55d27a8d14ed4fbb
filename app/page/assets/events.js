// Every event of the page is heard to its end, however the network delays what the server says.
//
// Gradio's client hears of its events by one stream, which the server ends once no event is left.
// An event that is sent after that end, but before the client has read of it, finds the stream
// open and is never heard of. So the stream that the client reads goes on, over a new request, as
// long as an event is waited for; and one that breaks off is told as broken.
{
  const fetched = window.fetch;
  const unheard = new Set(); // events that the server has taken, and not said the end of
  const early = new Set(); // events whose end came before the answer that they were taken
  const over = 'data: {"msg":"close_stream"}\n\n';

  const taken = (event) => {
    if (!early.delete(event)) unheard.add(event);
  };
  const ended = (event) => {
    if (!unheard.delete(event)) early.add(event);
  };

  // Hand on a stream's messages. Returns whether the server said that it is over.
  const handOn = async (response, send) => {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let begun = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return false;
      const messages = (begun + value).split("\n\n");
      begun = messages.pop();
      for (const message of messages) {
        const said = JSON.parse(message.slice(message.indexOf("{")));
        if (said.msg === "close_stream") return true;
        if (said.msg === "process_completed") ended(said.event_id);
        send(`${message}\n\n`);
      }
    }
  };

  // Hand on streams until no event is waited for.
  const handOnAll = async (request, first, before, send) => {
    for (let response = first; ; response = await fetched(request)) {
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      const whole = await handOn(response, send);
      if (!whole && unheard.size) throw new Error("the stream of events broke off");
      // The server ends it when all has been said of what was taken before.
      before.forEach((event) => unheard.delete(event));
      if (!unheard.size) return send(over);
      before = [...unheard];
    }
  };

  const listen = async (request) => {
    const before = [...unheard];
    const first = await fetched(request);
    if (!first.ok) return first;
    let left = false;
    const encoder = new TextEncoder();
    const body = new ReadableStream({
      start: (to) => {
        handOnAll(request, first, before, (text) => left || to.enqueue(encoder.encode(text)))
          .then(() => left || to.close())
          .catch((error) => {
            unheard.clear();
            if (left) return;
            // Who leaves the page leaves its stream, and need not be told.
            if (request.signal.aborted) to.close();
            else to.error(error);
          });
      },
      cancel: () => {
        left = true;
      },
    });
    return new Response(body, { headers: first.headers });
  };

  window.fetch = async (address, options) => {
    const { pathname } = new URL(address.url ?? address, location.href);
    if (pathname.endsWith("/queue/data")) return listen(new Request(address, options));
    const response = await fetched(address, options);
    if (response.ok && pathname.endsWith("/queue/join")) {
      taken((await response.clone().json()).event_id);
    }
    return response;
  };
}
