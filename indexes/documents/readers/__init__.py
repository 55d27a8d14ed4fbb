"""One format a module; `indexes.documents.formats` lists them."""
