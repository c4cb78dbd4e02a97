"""Of each file: format, libraries that it asks for, symbol versions or system that it needs, and its exports; as JSON."""

import json
import sys

import lief


def read(file):
    binary = lief.parse(file)
    if isinstance(binary, lief.ELF.Binary):
        return {
            "format": "ELF",
            "needed": list(binary.libraries),
            "versions": sorted(
                {aux.name for need in binary.symbols_version_requirement for aux in need.get_auxiliary_symbols()}
            ),
            "exports": sorted(symbol.name for symbol in binary.exported_symbols),
        }
    if isinstance(binary, lief.MachO.Binary):
        own = [command.name for command in binary.libraries if command.command == lief.MachO.LoadCommand.TYPE.ID_DYLIB]
        return {
            "format": "Mach-O",
            "needed": [library.name for library in binary.libraries if library.name not in own],
            "system": ".".join(str(number) for number in binary.build_version.minos[:2]),
            "signed": binary.has_code_signature,
            "exports": sorted(symbol.name.removeprefix("_") for symbol in binary.exported_symbols),
        }
    return {
        "format": "PE",
        "needed": [library.name for library in binary.imports] + [library.name for library in binary.delay_imports],
        "exports": sorted(entry.name for entry in binary.get_export().entries),
    }


print(json.dumps([read(file) for file in sys.argv[1:]]))
