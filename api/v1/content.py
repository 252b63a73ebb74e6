"""Having prompts and answers forgotten. The scope `keys` is needed."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import CanManageKeys, caller
from api.openapi import ref
from api.v1.bodies import asked
from core.clock import utc_now
from cux.wire.content import ForgetContent, ForgottenView
from inference.services.content_erase import content_forget


@extend_schema(
    operation_id="content_forget",
    tags=["jobs"],
    description="Erase all prompts and answers that are kept, by deleting the key that sealed them. It "
    "cannot be undone; bills, usage and receipts stay. Asked again it finds nothing more. Needs `keys`.",
    request={"application/json": ref(ForgetContent)},
    responses={200: ref(ForgottenView)},
)
@api_view(["POST"])
@permission_classes([CanManageKeys])
def forget(request: Request) -> Response:
    """Erase all prompts and answers of the organisation for good. Needs the scope `keys`."""
    wanted = asked(request, ForgetContent)
    organisation_id = caller(request).organisation_id
    done = content_forget(organisation_id=organisation_id, confirm=wanted.confirm, now=utc_now())
    return Response(ForgottenView(jobs=done.jobs))
