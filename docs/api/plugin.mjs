// What does TypeDoc not know about this package?
//
// Users import `wasmgrad/data`, not `bindings/data`. And operations of `ops` work on values and on symbols, which makes
// their type `Lifted<typeof conv>`: of that TypeDoc shows the name alone, so the call is written above the comment, as the
// operation itself declares it.

import { Converter, ReflectionKind } from "typedoc";
import ts from "typescript";

/** @param {import("typedoc").Application} application */
export function load(application) {
  application.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (reflection.kind === ReflectionKind.Module) reflection.name = reflection.name.replace(/^bindings/, "wasmgrad");
    const call =
      reflection.kind === ReflectionKind.Variable &&
      callOf(context.checker, context.getSymbolFromReflection(reflection));
    if (call)
      reflection.comment?.summary.unshift(
        { kind: "code", text: `\`\`\`ts\n${call}\n\`\`\`` },
        { kind: "text", text: "\n\n" },
      );
  });
  application.converter.on(Converter.EVENT_RESOLVE_END, withoutLinks, -1000);
}

/** Where a thing is defined is told as text: beside the pages there is no source to lead to. */
function withoutLinks({ project }) {
  for (const reflection of Object.values(project.reflections))
    for (const source of reflection.sources ?? []) delete source.url;
}

/** `conv(x: Operand, kernel: Operand, options?: ConvOptions)`; undefined for what is not lifted. */
function callOf(checker, symbol) {
  const type = symbol?.declarations?.find(ts.isVariableDeclaration)?.type;
  if (type === undefined || !ts.isTypeReferenceNode(type) || type.typeName.getText() !== "Lifted") return undefined;
  const [inner] = type.typeArguments ?? [];
  const declaration = inner && checker.getTypeFromTypeNode(inner).getCallSignatures()[0]?.getDeclaration();
  const parameters = declaration?.parameters.map((each) => {
    const optional = each.questionToken !== undefined || each.initializer !== undefined;
    const initial = each.initializer === undefined ? "" : ` = ${each.initializer.getText()}`;
    const of = each.type?.getText() ?? (each.initializer && checker.typeToString(checker.getTypeAtLocation(each)));
    return `${each.dotDotDotToken ? "..." : ""}${each.name.getText()}${optional && initial === "" ? "?" : ""}: ${of}${initial}`;
  });
  return parameters && `${symbol.name}(${parameters.join(", ")})`;
}
