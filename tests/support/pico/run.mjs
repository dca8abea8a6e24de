// MicroPython's WebAssembly build under node: node run.mjs micropython.mjs FOLDER FILE. The folder becomes /board there; FILE is run,
// piece by piece: empty lines separate them. This build collects garbage between pieces only, for it cannot look into its own stack.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [, , build, folder, file] = process.argv;
const { loadMicroPython } = await import(pathToFileURL(build));
const python = await loadMicroPython({ heapsize: 4 * 1024 * 1024, linebuffer: true, stdout: (line) => console.log(line) });
function copy(from, to) {
  python.FS.mkdir(to);
  for (const name of readdirSync(from)) {
    const path = join(from, name);
    if (statSync(path).isDirectory()) copy(path, `${to}/${name}`);
    else if (name.endsWith(".py")) python.FS.writeFile(`${to}/${name}`, readFileSync(path));
  }
}
copy(folder, "/board");
python.runPython('import sys\nsys.path.insert(0, "/board")');
for (const piece of readFileSync(file, "utf8").split("\n\n")) python.runPython(piece);
