"""transformers: the text and image encoders that diffusion models have, and nothing of its training.

Its packages import by name, so they are named here; see bundle/reachable.py for the rule. The sources go in as well:
transformers.models reads them to learn which class stands where.
"""

from bundle.reachable import modules_under, transformers_models

module_collection_mode = "pyz+py"
hiddenimports = [
    name
    for model in sorted(transformers_models())
    for name in modules_under(f"transformers.models.{model}")
    if not name.rpartition(".")[2].startswith(("convert_", "modular_"))
]
# Used through tables of names: the loading of quantised and sharded weights, and what attention is computed with.
hiddenimports += modules_under("transformers.integrations") + modules_under("transformers.quantizers")
hiddenimports += modules_under("transformers.loss") + modules_under("transformers.generation")
