"""GET /v1/models: the catalogue as OpenAI's clients read it."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import CanReadOrInfer
from api.openapi import list_of, ref
from api.v1.pages import refuse_unknown
from api.v1.shapes import ModelView
from inference.models import CatalogueModel
from inference.selectors.catalogue import model_get, model_list


@extend_schema(operation_id="models_list", tags=["openai"], responses={200: list_of(ModelView)})
@api_view(["GET"])
@permission_classes([CanReadOrInfer])
def models(request: Request) -> Response:
    """List the models that can be asked."""
    refuse_unknown(request)
    return Response({"object": "list", "data": [_view(model) for model in model_list()]})


@extend_schema(operation_id="model_get", tags=["openai"], responses={200: ref(ModelView)})
@api_view(["GET"])
@permission_classes([CanReadOrInfer])
def model(request: Request, name: str) -> Response:
    """Show one model."""
    refuse_unknown(request)
    return Response(_view(model_get(name)))


def _view(row: CatalogueModel) -> ModelView:
    facts: dict[str, Any] = {
        "compute_class": row.compute_class_id,
        "card_hash": row.card_hash,
        "context_tokens": row.context_tokens,
        "revision": row.revision,
        "precision": row.precision,
        "retention": row.compute_class.retention,
        "provider_sees_plaintext": True,
    }
    return ModelView(id=row.name, created=int(row.created_at.timestamp()), cux=facts)
